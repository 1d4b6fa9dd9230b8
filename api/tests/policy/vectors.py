#!/usr/bin/env python3
"""Writes vectors.json: what the real oslo.policy decides, for the test of ours.

    python3 -m venv venv && venv/bin/pip install oslo.policy==6.0.1 && venv/bin/python vectors.py > vectors.json

Random files of rules (with a seed of their own, so the output is always the same) and a list by hand of everything odd, each rule asked
for every caller and every target.
"""
import json
import logging
import random
import sys

from oslo_config import cfg
from oslo_policy import policy

logging.disable(logging.CRITICAL)

CALLERS = [
    {"user_id": "u1", "project_id": "p1", "roles": ["admin", "member", "reader"], "user_domain_id": "d1", "project_domain_id": "d1"},
    {"user_id": "u2", "project_id": "p1", "roles": ["member", "reader"], "user_domain_id": "d1", "project_domain_id": "d1"},
    {"user_id": "u3", "project_id": "p1", "roles": ["Reader"], "user_domain_id": "d2", "project_domain_id": "d1"},
    {"user_id": "u2", "project_id": "p2", "roles": ["member", "compute:operator"], "user_domain_id": "d1", "project_domain_id": "d2"},
    {"user_id": "u4", "project_id": "p2", "roles": [], "user_domain_id": "d1", "project_domain_id": "d2", "user_name": "dora"},
]
TARGETS = [
    {"project_id": "p1", "user_id": "u2"},
    {"project_id": "p2", "user_id": "u4", "name": "dora"},
    {"user_id": "u1", "trustee_domain_id": "d2"},
    {},
]
ROLES = ["admin", "member", "reader", "ADMIN", "compute:operator", "nobody", "%(user_id)s"]
LEFT = ["user_id", "project_id", "user_domain_id", "project_domain_id", "user_name", "is_admin", "roles", "missing", "project_id.x"]
RIGHT = ["%(user_id)s", "%(project_id)s", "%(trustee_domain_id)s", "%(name)s", "%(gone)s", "p1", "u2", "d1", "True", "False", "member"]
NAMES = ["rule_%d" % number for number in range(8)]


def check(dice, names):
    kind = dice.random()
    if kind < 0.3:
        return "role:" + dice.choice(ROLES)
    if kind < 0.65:
        return dice.choice(LEFT) + ":" + dice.choice(RIGHT)
    if kind < 0.75:
        return dice.choice(["'dora'", '"p1"', "True", "None", "7", "'u2'"]) + ":" + dice.choice(RIGHT + ["7", "None"])
    if kind < 0.8:
        return dice.choice("@!")
    return "rule:" + dice.choice(names + ["gone"]) if names else "@"


def expression(dice, names, depth=3):
    kind = dice.random()
    if depth == 0 or kind < 0.25:
        return check(dice, names)
    inner = lambda: expression(dice, names, depth - 1)
    if kind < 0.5:
        return f"{inner()} and {inner()}"
    if kind < 0.75:
        return f"{inner()} or {inner()}"
    if kind < 0.9:
        return f"({inner()})"
    return f"not ({inner()})" if dice.random() < 0.5 else "not " + check(dice, names)


def spoilt(dice, text):
    """A slip of somebody who writes rules by hand."""
    slips = [text + " and", "or " + text, text + ")", "(" + text, text + " " + text, text.replace(":", "", 1), "not", "()", "  ", "( " + text + " )"]
    return dice.choice(slips)


def random_file(dice):
    rules = {}
    for position, name in enumerate(NAMES):
        text = expression(dice, NAMES[:position])
        rules[name] = spoilt(dice, text) if dice.random() < 0.08 else text
    if dice.random() < 0.3:
        rules["default"] = check(dice, [])
    return rules


BY_HAND = {
    "empty": "",
    "upper": "NOT role:admin AND Role:member",
    "quoted": "'role:admin'",
    "many": "((((role:admin))))",
    "tight": "(role:admin)or(role:member)",
    "colon": "role:compute:operator",
    "percent": "'100%%':100%%",
    "old": [["role:admin"], ["role:member", "project_id:%(project_id)s"]],
    "old_empty": [],
    "old_hollow": [[]],
    "old_bare": ["role:admin", "role:nobody"],
    "twice": "not not role:admin",
    "mixed": "role:nobody or role:member and user_id:%(user_id)s or role:nobody and role:admin",
    "mixed_more": "role:nobody and role:admin or role:member and not role:admin and user_id:%(user_id)s",
    "roles": "roles:member",
    "alone": "role",
    "nothing": ":",
    "right": "user_id:",
}


def decide(rules):
    enforcer = policy.Enforcer(cfg.ConfigOpts(), use_conf=False)
    enforcer.set_rules(policy.Rules.from_dict(rules, default_rule="default"), use_conf=False)
    answers = {}
    for name in list(rules) + ["unheard_of"]:
        bits = ""
        for caller in CALLERS:
            for target in TARGETS:
                creds = dict(caller, is_admin="admin" in caller["roles"])
                try:
                    bits += "1" if enforcer.enforce(name, dict(target), creds) else "0"
                except Exception:  # oslo.policy itself stumbled: there is no decision to agree with
                    bits += "-"
        answers[name] = bits
    return {"file": rules, "answers": answers}


def main():
    dice = random.Random(20151101)
    sets = [decide(BY_HAND)] + [decide(random_file(dice)) for _ in range(60)]
    asked = sum(len(bits.replace("-", "")) for each in sets for bits in each["answers"].values())
    print(f"{asked} decisions", file=sys.stderr)
    json.dump({"callers": CALLERS, "targets": TARGETS, "sets": sets}, sys.stdout, indent=0)
    print()


main()
