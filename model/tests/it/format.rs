//! Encodings that are on disks already: these bytes must be read for ever. A test that fails here says that a format was changed.

use model::{
    Actor, Command, Proposal,
    command::{Origin, TemplateCreate},
    record::{self, Index, Record},
    template::{Template, TemplateWish},
};
use prost::Message;

use crate::world::id;

fn template() -> Template {
    let wish = TemplateWish {
        name: "n".to_owned(),
        coe: "swarm".to_owned(),
        image_id: "i".to_owned(),
        docker_volume_size: Some(3),
        labels: [("a".to_owned(), "b".to_owned())].into(),
        public: true,
        ..TemplateWish::default()
    };
    Template {
        id: id(0x0102),
        serial: 7,
        revision: 300,
        project_id: "p".to_owned(),
        user_id: "u".to_owned(),
        wish,
        created_ms: 1,
        updated_ms: None,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.chars().map(|digit| u8::try_from(digit.to_digit(16).unwrap()).unwrap()).collect();
    digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte * 16 + digit)).collect()
}

const TEMPLATE: &str =
    "0a120a1000000000000000000000000000000102100718ac022201702a0175321b0a016e1205737761726d1a01696803a201060a0161120162b001013801";
const PROPOSAL: &str = concat!(
    "0a06080110021803120b0a01701201751a0172200120e80728018202310a120a1000000000000000000000000000000102",
    "121b0a016e1205737761726d1a01696803a201060a0161120162b00101"
);

#[test]
fn a_stored_template_of_the_first_version_is_read() {
    assert_eq!(Template::decode(bytes(TEMPLATE).as_slice()).unwrap(), template());
    assert_eq!(hex(&template().encode_to_vec()), TEMPLATE);
}

#[test]
fn a_proposal_of_the_first_version_is_read() {
    let proposal = Proposal {
        origin: Some(Origin { member: 1, incarnation: 2, sequence: 3 }),
        actor: Some(Actor { project_id: "p".to_owned(), user_id: "u".to_owned(), request_id: "r".to_owned(), all_projects: true }),
        key: None,
        wall_ms: 1_000,
        min_version: 1,
        command: Some(Command::TemplateCreate(TemplateCreate { id: id(0x0102), wish: template().wish })),
    };
    assert_eq!(Proposal::decode(bytes(PROPOSAL).as_slice()).unwrap(), proposal);
    assert_eq!(hex(&proposal.encode_to_vec()), PROPOSAL);
}

#[test]
fn keys_stand_where_they_stood() {
    let template = template();
    assert_eq!(hex(&record::whole_key(Template::TABLE, &template.key())), "7400000000000000000000000000000102");
    assert_eq!(hex(&record::index_prefix(Index::TemplateByProject, &record::text_serial_key("p", 7))), "780170000000000000000007");
}
