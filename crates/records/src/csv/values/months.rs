//! The names of months in the languages that are met in CRM exports.

use crate::csv::fold::fold;

/// English, German, Portuguese, Spanish, French; folded.
const NAMES: [&[&str]; 12] = [
    &["january", "januar", "janeiro", "enero", "janvier", "janner"],
    &["february", "februar", "fevereiro", "febrero", "fevrier"],
    &["march", "marz", "marco", "marzo", "mars", "mrz"],
    &["april", "abril", "avril"],
    &["may", "mai", "maio", "mayo"],
    &["june", "juni", "junho", "junio", "juin"],
    &["july", "juli", "julho", "julio", "juillet"],
    &["august", "agosto", "aout"],
    &["september", "setembro", "septiembre", "septembre"],
    &["october", "oktober", "outubro", "octubre", "octobre"],
    &["november", "novembro", "noviembre", "novembre"],
    &["december", "dezember", "dezembro", "diciembre", "decembre"],
];

/// The number of a month, from its name or the first three letters or more of it. French `jui`
/// is June or July, hence neither.
pub(super) fn month(name: &str) -> Option<u8> {
    let name = fold(name);
    if name.chars().count() < 3 {
        return None;
    }
    let begins = |names: &&[&str]| names.iter().any(|known| known.starts_with(&name));
    let mut matching = (1_u8..).zip(NAMES.iter()).filter(|(_, names)| begins(names));
    let (number, _) = matching.next()?;
    matching.next().is_none().then_some(number)
}
