//! What is found in texts, what is not, and that everything comes back.

mod corpus;

use std::sync::Arc;

use proptest::prelude::*;

use super::{Kind, Kinds, Vault, find, redact};

fn found(text: &str) -> Vec<(Kind, &str)> {
    let found = find(text, Kinds::ALL);
    found.into_iter().map(|finding| (finding.kind, &text[finding.start..finding.end])).collect()
}

fn alone(kind: Kind, values: &[&str]) {
    for value in values {
        assert_eq!(found(value), [(kind, *value)], "{value}");
        let inside = format!("Olá ({value}), até já.");
        assert_eq!(found(&inside), [(kind, *value)], "{inside}");
    }
}

#[test]
fn each_kind_is_found_in_the_forms_that_people_write() {
    alone(Kind::Email, &["ana@example.com", "ana.b+c@mail.example.co.uk", "josé@exämple.de"]);
    alone(Kind::Email, &["ana%40example.com", "11988887777@c.us", "a_b-c@x-y.io"]);
    alone(Kind::Cpf, &["529.982.247-25", "52998224725", "529982247-25", "529 982 247 25"]);
    alone(Kind::Cnpj, &["11.222.333/0001-81", "11222333000181", "12.ABC.345/01DE-35"]);
    alone(Kind::Card, &["4111 1111 1111 1111", "4111111111111111", "5555-5555-5555-4444"]);
    alone(Kind::Card, &["3782 822463 10005", "30569309025904", "6362970000457013"]);
    alone(Kind::Iban, &["DE89 3704 0044 0532 0130 00", "PT50000201231234567890154"]);
    alone(Kind::Iban, &["gb29 nwbk 6016 1331 9268 19", "BR1800360305000010009795493C1"]);
    alone(Kind::Ip, &["192.168.0.17", "8.8.4.41", "2001:db8::ff00:42:8329", "::1", "fe80::1"]);
    alone(Kind::Phone, &["11 98888-7777", "+55 11 98888-7777", "11988887777", "+5511988887777"]);
    alone(Kind::Phone, &["3333-4444", "98888-7777", "0800 123 4567", "5511988887777"]);
    alone(Kind::Phone, &["212-555-0123", "+1 (212) 555-0123", "212.555.0123", "+1-463-544-9610"]);
    alone(Kind::Phone, &["+351 912 345 678", "912 345 678", "+34 612 34 56 78", "612 34 56 78"]);
    alone(Kind::Phone, &["020 7946 0958", "+44 (0)20 7946 0958", "07700 900123"]);
    alone(Kind::Phone, &["030 12345678", "0151/12345678", "+49 151 12345678", "0049 151 12345678"]);
}

/// What only looks like personal data.
const OTHERS: &[&str] = &[
    "2024-01-15",
    "15/01/2024",
    "15.01.2024 10:30",
    "2024-01-15T10:30:00Z",
    "2019-2023",
    "R$ 1.234.567,89",
    "$912 345 678",
    "912 345 678 euros",
    "1,234,567.89",
    "50%",
    "pedido 11987654321",
    "v1.2.3.4",
    "version 10.0.190.2",
    "1.2.3.4",
    "12345678901",
    "123.456.789-00",
    "11.222.333/0001-82",
    "4111 1111 1111 1112",
    "1700000000",
    "550e8400-e29b-41d4-a716-446655440000",
    "INV-2024-000123",
    "std::vec",
    "a::b",
    "12:30:45",
    "DE89 3704 0044 0532 0130 01",
    "logo@2x.png",
    "@ana",
    "react@18.2.0",
    "user@host",
    "00:1A:2B:3C:4D:5E",
    "CEP 01310-100",
    "abc11988887777",
    "/orders/11987654321",
    "#11987654321",
    "ISBN 978-0-306-40615-7",
    "1 000 000",
    "3.14159265",
    "10 20 30 40 50",
    "256.256.256.256",
];

#[test]
fn other_numbers_stay() {
    for text in OTHERS {
        assert_eq!(found(text), [], "{text}");
    }
}

#[test]
fn words_before_a_number_say_what_it_is() {
    assert_eq!(found("telefone: 1133334444"), [(Kind::Phone, "1133334444")]);
    assert_eq!(found("order 1133334444"), []);
    assert_eq!(found("https://wa.me/5511988887777"), [(Kind::Phone, "5511988887777")]);
    assert_eq!(found("IP 1.1.1.1"), [(Kind::Ip, "1.1.1.1")]);
}

#[test]
fn longer_ids_go_before_phones_even_where_they_may_stay() {
    let only = Kinds::NONE.with(Kind::Phone);
    assert_eq!(find("52998224725 4111 1111 1111 1111", only), []);
    let several = "CPF 529.982.247-25, tel (11) 98888-7777, cartão 4111 1111 1111 1111";
    let kinds: Vec<Kind> = found(several).into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, [Kind::Cpf, Kind::Phone, Kind::Card]);
}

#[test]
fn the_same_value_has_one_token_and_a_look_alike_is_kept_apart() {
    let mut vault = Vault::new(Kinds::ALL);
    let one = vault.mask("ana@x.com, [EMAIL_1], bo@x.com");
    assert_eq!(one.text, "[EMAIL_1], [TEXT_1], [EMAIL_2]");
    assert_eq!(vault.mask("again ana@x.com").text, "again [EMAIL_1]");
    assert_eq!(
        vault.unmask("[EMAIL_1] [email_2] [TEXT_1] [EMAIL_3]"),
        "ana@x.com bo@x.com [EMAIL_1] [EMAIL_3]"
    );
    let told = format!("{vault:?} {:?} {one:?}", Arc::new(vault.clone()).stream());
    assert!(!told.contains("ana"), "{told}");
}

#[test]
fn arguments_of_functions_stay_json() {
    let mut vault = Vault::new(Kinds::ALL);
    let masked =
        vault.mask_json(r#"{"to":"ana@x.com","note":"line\n11 98888-7777","cpf":52998224725}"#);
    assert_eq!(masked.text, r#"{"to":"[EMAIL_1]","note":"line\n[PHONE_1]","cpf":"[CPF_1]"}"#);
    vault.put_for_test("say \"hi\"\\");
    let back = vault.unmask_json(r#"{"to":"[EMAIL_1]","text":"[TEXT_1]"}"#);
    let back: serde_json::Value = serde_json::from_str(&back).unwrap();
    assert_eq!(back, serde_json::json!({"to": "ana@x.com", "text": "say \"hi\"\\"}));
}

#[test]
fn a_stream_holds_back_no_more_than_a_token_begun() {
    let mut vault = Vault::new(Kinds::ALL);
    vault.mask("ana@x.com");
    let mut stream = Arc::new(vault).stream();
    assert_eq!(stream.take("To [EM"), "To ");
    assert_eq!(stream.take("AIL_1"), "");
    assert_eq!(stream.take("] and [x] [ema"), "ana@x.com and [x] ");
    assert_eq!(stream.end(), "[ema");
}

#[test]
fn one_way_forms_tell_little() {
    let text = "ana@x.com 11 98888-7777; 529.982.247-25; 11.222.333/0001-81; 4111 1111 1111 1111; \
                DE89 3704 0044 0532 0130 00; 192.168.0.17";
    let hidden = "a***@x.com [REDACTED]; ***.***.***-25; **.***/****-**; ****-****-****-1111; \
                  DE** **** 0 00; [REDACTED]";
    assert_eq!(redact(text, Kinds::ALL), hidden);
    assert_eq!(redact(hidden, Kinds::ALL), hidden);
    assert_eq!(redact(text, Kinds::NONE), text);
}

/// Texts with personal data, tokens and rests of both in them.
fn texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("ana@x.com".to_owned()),
        Just("+55 11 98888-7777".to_owned()),
        Just("52998224725".to_owned()),
        "\\[(EMAIL|PHONE|TEXT|CPF|email)_[0-9]{0,2}\\]?",
        "[\\[\\]_A-Z0-9+@.: -]{0,6}",
        "\\PC{0,8}",
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn what_was_masked_comes_back(text in texts()) {
        let mut vault = Vault::new(Kinds::ALL);
        let masked = vault.mask(&text);
        prop_assert_eq!(vault.unmask(&masked.text), text);
    }

    #[test]
    fn a_stream_gives_the_same_however_it_is_split(text in texts(), cuts in prop::collection::vec(0_usize..60, 0..6)) {
        let mut vault = Vault::new(Kinds::ALL);
        vault.mask("ana@x.com +55 11 98888-7777 52998224725");
        let vault = Arc::new(vault);
        let whole = vault.unmask(&text);
        let mut cuts: Vec<usize> = cuts.into_iter().filter(|cut| text.is_char_boundary(*cut) && *cut <= text.len()).collect();
        cuts.sort_unstable();
        let (mut stream, mut last, mut back) = (vault.stream(), 0, String::new());
        for cut in cuts.into_iter().chain([text.len()]) {
            back.push_str(&stream.take(&text[last..cut]));
            last = cut;
        }
        back.push_str(&stream.end());
        prop_assert_eq!(back, whole);
    }

    #[test]
    fn the_next_byte_is_found_wherever_it_stands(text in "[a-c]{0,90}", from in 0_usize..100) {
        let is = |byte: u8| byte == b'c';
        let slow = (from..text.len()).find(|at| is(text.as_bytes()[*at]));
        prop_assert_eq!(super::next(text.as_bytes(), from, is), slow);
    }

    #[test]
    fn findings_stand_in_order_and_apart(text in texts()) {
        let found = find(&text, Kinds::ALL);
        for pair in found.windows(2) {
            prop_assert!(pair[0].end <= pair[1].start);
        }
        for finding in found {
            prop_assert!(text.get(finding.start..finding.end).is_some_and(|value| !value.is_empty()));
        }
    }

    #[test]
    fn anything_is_read(text in "\\PC{0,60}|[0-9+() ./:@-]{0,60}") {
        let mut vault = Vault::new(Kinds::ALL);
        let masked = vault.mask(&text);
        prop_assert_eq!(vault.unmask(&masked.text), text);
    }
}
