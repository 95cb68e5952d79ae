//! Blocking keys: two records are compared when they have one in common.

use super::{
    sketch::{Part, Sketch, Subject},
    words::{own_domain, phone_end, sound},
};

/// The keys by which a record is found while another is written: few, because each is a row.
///
/// Of an e-mail address there is none where the object's own table has an index of them.
pub(super) fn kept(subject: Subject, sketch: &Sketch) -> Vec<String> {
    let mut keys: Vec<String> = Vec::with_capacity(4);
    for phone in sketch.phones().filter_map(phone_end) {
        keys.push(format!("p{phone}"));
    }
    match subject {
        Subject::Person => {
            let names = [first_word(sketch, Part::First), last_word(sketch)];
            let mut sounds: Vec<String> = names.iter().map(|name| sound(name)).collect();
            sounds.sort_unstable();
            let sounds = sounds.concat();
            if !sounds.is_empty() {
                keys.push(format!("n{sounds}"));
            }
        }
        Subject::Company => {
            let name = sketch.get(Part::Last);
            let mut sounds: Vec<String> = name.split(' ').take(2).map(sound).collect();
            sounds.sort_unstable();
            let sounds = sounds.concat();
            if !sounds.is_empty() {
                keys.push(format!("n{sounds}"));
            }
            if !sketch.get(Part::Website).is_empty() {
                keys.push(format!("w{}", sketch.get(Part::Website)));
            }
            if !sketch.get(Part::Email).is_empty() {
                keys.push(format!("e{}", sketch.get(Part::Email)));
            }
        }
    }
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// All keys, for the comparison of all records: these are kept nowhere.
pub(super) fn all(subject: Subject, sketch: &Sketch, mut each: impl FnMut(&str)) {
    for key in kept(subject, sketch) {
        each(&key);
    }
    let email = sketch.get(Part::Email);
    if !email.is_empty() {
        each(&format!("e{email}"));
        let local = email.rsplit_once('@').map_or(email, |(local, _)| local);
        if local.len() >= 5 {
            each(&format!("l{local}"));
        }
    }
    match subject {
        Subject::Person => of_person(sketch, &mut each),
        Subject::Company => of_company(sketch, &mut each),
    }
    let postal = sketch.get(Part::PostalCode);
    let street = sketch.get(Part::Street);
    if !street.is_empty() {
        each(&format!("s{}{}", head(&street.replace(' ', ""), 10), head(postal, 2)));
    }
}

fn of_person(sketch: &Sketch, each: &mut impl FnMut(&str)) {
    let (first, last) = (first_word(sketch, Part::First), last_word(sketch));
    let (postal, city) = (sketch.get(Part::PostalCode), sketch.get(Part::City));
    // Either half of the name may be wrong, or stand in the other's place.
    for half in [first, last].into_iter().filter(|half| !half.is_empty()) {
        if !postal.is_empty() {
            each(&format!("z{postal}{}", sound(half)));
        }
        if !city.is_empty() {
            each(&format!("c{city}{half}"));
        }
        if !sketch.get(Part::Company).is_empty() {
            each(&format!("o{}{}", sketch.get(Part::Company), sound(half)));
        }
    }
    let mut heads = [head(first, 3), head(last, 3)];
    heads.sort_unstable();
    if heads.iter().all(|head| !head.is_empty()) {
        each(&format!("h{}{}", heads[0], heads[1]));
    }
}

fn of_company(sketch: &Sketch, each: &mut impl FnMut(&str)) {
    let name = sketch.get(Part::Last).replace(' ', "");
    if !name.is_empty() {
        each(&format!("h{}", head(&name, 6)));
        let postal = sketch.get(Part::PostalCode);
        if !postal.is_empty() {
            each(&format!("z{postal}{}", head(&name, 2)));
        }
    }
    if let Some(domain) = own_domain(sketch.get(Part::Email)) {
        each(&format!("w{domain}"));
    }
}

fn first_word(sketch: &Sketch, part: Part) -> &str {
    sketch.get(part).split(' ').next().unwrap_or_default()
}

fn last_word(sketch: &Sketch) -> &str {
    sketch.get(Part::Last).rsplit(' ').next().unwrap_or_default()
}

fn head(text: &str, letters: usize) -> &str {
    text.char_indices().nth(letters).map_or(text, |(at, _)| &text[..at])
}

#[cfg(test)]
mod tests {
    use super::{super::sketch::tests::sketch, *};

    #[test]
    fn the_same_person_is_found_by_a_key_whatever_the_spelling() {
        let ana = sketch(Subject::Person, &[("name", "Ana Sousa"), ("phone", "+55 11 98765-4321")]);
        let keys = kept(Subject::Person, &ana);
        assert_eq!(keys.len(), 2);
        for other in [
            [("name", "Sousa Ana"), ("phone", "")],
            [("name", "Ana Maria Souza"), ("phone", "")],
            [("name", "Somebody Else"), ("phone", "(11) 98765.4321")],
        ] {
            let other = kept(Subject::Person, &sketch(Subject::Person, &other));
            assert!(other.iter().any(|key| keys.contains(key)), "{keys:?} {other:?}");
        }
        assert!(kept(Subject::Person, &sketch(Subject::Person, &[])).is_empty());
    }
}
