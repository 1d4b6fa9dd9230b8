# Everything there is to type. Each target is one line; what it does stands in scripts/.
.PHONY: help demo up down test check lint bench chaos planted measure doc
.DEFAULT_GOAL := help

help: ; @sed -n 's/^# \(make .*\)/\1/p' Makefile
# make demo   three members, a bay, a container; the leader is killed, and the proof that nothing was lost
demo: ; @scripts/demo.sh
# make up     start three members on this machine and say how to talk to them
up: ; @scripts/up.sh
# make down   stop them and take their folder away
down: ; @scripts/down.sh
# make test   everything that can be proved on one machine: lints, tests, Docker, simulation, chaos
test: ; @scripts/test.sh
# make check  what to run before every commit: formatting, lints, unit tests
check: ; @scripts/check.sh
# make lint   formatting and lints, warnings are errors
lint: ; @scripts/lint.sh
# make bench  creates and reads per second beside etcd's
bench: ; @scripts/bench.sh
# make chaos  the full campaigns on real members, with the table of fail-over times; an hour or two
chaos: ; @scripts/chaos.sh
# make planted  plants known bugs in a test build, one after the other, and shows the check that finds each
planted: ; @scripts/planted.sh
# make measure  what requests, consensus and fail-over cost inside one process, printed
measure: ; @scripts/measure.sh
# make doc    the developers' manual
doc: ; @scripts/doc.sh
