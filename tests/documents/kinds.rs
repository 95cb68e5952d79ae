//! Files of each kind, made as programs make them, and what is read of them.

use std::io::Write;

use flate2::{Compression, write::DeflateEncoder};
use lopdf::{
    Document, Object, Stream,
    content::{Content, Operation},
    dictionary,
};
use serde_json::json;

use super::{ask, place, read};
use crate::{
    database::{Kind, on_both},
    world::World,
};

on_both!(each_kind_is_read, a_page_is_named_with_its_passage);

/// A PDF whose pages say these.
pub(super) fn pdf(pages: &[String]) -> Document {
    let mut document = Document::with_version("1.5");
    let tree = document.new_object_id();
    let font = document.add_object(dictionary! {
        "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Helvetica", "Encoding" => "WinAnsiEncoding",
    });
    let resources = document.add_object(dictionary! { "Font" => dictionary! { "F1" => font } });
    let mut kids: Vec<Object> = Vec::new();
    for words in pages {
        let content = Content {
            operations: vec![
                Operation::new("BT", vec![]),
                Operation::new("Tf", vec!["F1".into(), 12.into()]),
                Operation::new("Td", vec![50.into(), 700.into()]),
                Operation::new("Tj", vec![Object::string_literal(words.as_bytes())]),
                Operation::new("ET", vec![]),
            ],
        };
        let content = document.add_object(Stream::new(dictionary! {}, content.encode().unwrap()));
        let page = dictionary! { "Type" => "Page", "Parent" => tree, "Contents" => content };
        kids.push(document.add_object(page).into());
    }
    let count = u32::try_from(kids.len()).unwrap();
    let all = dictionary! {
        "Type" => "Pages", "Kids" => kids, "Count" => count, "Resources" => resources,
        "MediaBox" => vec![0.into(), 0.into(), 595.into(), 842.into()],
    };
    document.objects.insert(tree, Object::Dictionary(all));
    let catalog = document.add_object(dictionary! { "Type" => "Catalog", "Pages" => tree });
    document.trailer.set("Root", catalog);
    document
}

pub(super) fn written(mut document: Document) -> Vec<u8> {
    let mut bytes = Vec::new();
    document.save_to(&mut bytes).unwrap();
    bytes
}

/// A zip with one part, packed; `size` is what it says of itself.
pub(super) fn zip(name: &str, content: &[u8]) -> Vec<u8> {
    let mut packed = DeflateEncoder::new(Vec::new(), Compression::best());
    packed.write_all(content).unwrap();
    let packed = packed.finish().unwrap();
    let mut check = flate2::Crc::new();
    check.update(content);
    let number = |number: usize| u32::try_from(number).unwrap().to_le_bytes();
    let mut about = Vec::new();
    about.extend_from_slice(&[20, 0, 0, 0, 8, 0, 0, 0, 0, 0]);
    about.extend_from_slice(&check.sum().to_le_bytes());
    about.extend_from_slice(&number(packed.len()));
    about.extend_from_slice(&number(content.len()));
    about.extend_from_slice(&u16::try_from(name.len()).unwrap().to_le_bytes());
    about.extend_from_slice(&[0, 0]);
    let mut bytes = b"PK\x03\x04".to_vec();
    bytes.extend_from_slice(&about);
    bytes.extend_from_slice(name.as_bytes());
    bytes.extend_from_slice(&packed);
    let directory = bytes.len();
    bytes.extend_from_slice(b"PK\x01\x02\x14\0");
    bytes.extend_from_slice(&about);
    bytes.extend_from_slice(&[0; 14]);
    bytes.extend_from_slice(name.as_bytes());
    let length = bytes.len() - directory;
    bytes.extend_from_slice(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
    bytes.extend_from_slice(&number(length));
    bytes.extend_from_slice(&number(directory));
    bytes.extend_from_slice(&[0, 0]);
    bytes
}

pub(super) fn docx(body: &str) -> Vec<u8> {
    let space = "http://schemas.openxmlformats.org/wordprocessingml/2006/main";
    let whole = format!(
        "<?xml version=\"1.0\"?><w:document xmlns:w=\"{space}\"><w:body>{body}</w:body></w:document>"
    );
    zip("word/document.xml", whole.as_bytes())
}

async fn each_kind_is_read(kind: Kind) {
    let world = World::new(kind).await;
    let words = docx(
        "<w:p><w:pPr><w:pStyle w:val=\"Heading1\"/></w:pPr><w:r><w:t>Prices &amp; terms</w:t></w:r></w:p>\
         <w:p><w:r><w:t xml:space=\"preserve\">Lamps cost </w:t></w:r><w:r><w:t>30 euros.</w:t></w:r></w:p>\
         <w:tbl><w:tr><w:tc><w:p><w:r><w:t>Lamp</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>Price</w:t></w:r></w:p></w:tc></w:tr>\
         <w:tr><w:tc><w:p><w:r><w:t>Lua</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>31</w:t></w:r></w:p></w:tc></w:tr></w:tbl>",
    );
    let html = "<html><head><title>Shop</title><script>alert('secret')</script></head><body><nav>Home</nav><h1>Hours</h1><p>Nine to five.</p></body></html>";
    let files: [(&str, &str, Vec<u8>, &str); 7] = [
        ("PDF", "a.pdf", written(pdf(&["The quick brown fox".to_owned()])), "The quick brown fox"),
        (
            "DOCX",
            "a.docx",
            words,
            "Prices & terms\n\nLamps cost 30 euros.\nLamp; Price\nLamp: Lua; Price: 31",
        ),
        ("TXT", "a.txt", b"Gr\xfc\xdfe aus K\xf6ln".to_vec(), "Grüße aus Köln"),
        ("MD", "a.md", b"# One\n\ntwo".to_vec(), "One\n\ntwo"),
        ("HTML", "a.html", html.into(), "Shop\n\nHours\n\nNine to five."),
        ("CSV", "a.csv", b"name;price\nLua;30\n".to_vec(), "name: Lua; price: 30"),
        ("JSON", "a.json", b"{\"a\":{\"b\":[1,2]}}".to_vec(), "a.b: 1, 2"),
    ];
    for (kind, name, bytes, text) in files {
        let document = read(&world, (name, &bytes)).await;
        assert_eq!(
            (&document["type"], &document["status"]),
            (&json!(kind), &json!("COMPLETED")),
            "{document}"
        );
        let content = world.ana.get(&place(&document, "/content")).await.json;
        assert_eq!(content["content"].as_str().unwrap().trim(), text, "{name}");
    }
}

async fn a_page_is_named_with_its_passage(kind: Kind) {
    let world = World::new(kind).await;
    let pages: Vec<String> = (1..=3)
        .map(|page| format!("Page {page} tells of {}.", ["apples", "pears", "plums"][page - 1]))
        .collect();
    let document = read(&world, ("fruit.pdf", &written(pdf(&pages)))).await;
    assert_eq!(
        (&document["pageCount"], &document["notice"]),
        (&json!(3), &json!(null)),
        "{document}"
    );
    let anew = json!({ "options": { "chunkSize": 100, "overlap": 0 } });
    assert_eq!(world.ana.post(&place(&document, "/process"), anew).await.status, 200);
    world.run_jobs().await;
    let plums = ask(&world.ana, "plums").await;
    assert!(plums["data"][0]["excerpt"].as_str().unwrap().contains("plums"), "{plums}");
    assert!(plums["data"][0]["page"].as_i64().unwrap() >= 1);
}
