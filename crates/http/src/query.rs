//! Query strings: decoded strictly, looked up by name.

use kith_kernel::{Error, Id, Kind, Result, malformed};
use percent_encoding::percent_decode;

/// No more parameters than this are read.
const MAX_PARAMETERS: usize = 200;

/// Parameters that name the tenant, by its id or slug; whoever finds out who asks reads them.
pub const TENANT: [&str; 3] = ["tenant_id", "tenantId", "workspaceId"];

/// The parameters of a request in their order.
#[derive(Debug, Default, Clone)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Decodes a query string.
    ///
    /// # Errors
    /// `Malformed` when it is not UTF-8, holds a NUL, or has more than 200 parameters.
    pub fn parse(text: &str) -> Result<Self> {
        let mut all = Vec::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            if all.len() == MAX_PARAMETERS {
                return Err(malformed(format!(
                    "There are more than {MAX_PARAMETERS} query parameters."
                )));
            }
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            all.push((decode(name)?, decode(value)?));
        }
        Ok(Self(all))
    }

    /// The value of a parameter that may be given once.
    ///
    /// # Errors
    /// `Invalid` when it is given twice.
    pub fn get(&self, name: &str) -> Result<Option<&str>> {
        let mut values = self.0.iter().filter(|(key, _)| key == name);
        let first = values.next().map(|(_, value)| value.as_str());
        match values.next() {
            None => Ok(first),
            Some(_) => Err(wrong(name, "is given twice")),
        }
    }

    /// All parameters.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// A whole number between two bounds.
    pub fn number(&self, name: &str, least: u64, most: u64) -> Result<Option<u64>> {
        let Some(text) = self.get(name)? else { return Ok(None) };
        match text.parse() {
            Ok(number) if (least..=most).contains(&number) => Ok(Some(number)),
            _ => Err(wrong(name, &format!("must be a whole number from {least} to {most}"))),
        }
    }

    /// An id.
    pub fn id(&self, name: &str) -> Result<Option<Id>> {
        let Some(text) = self.get(name)? else { return Ok(None) };
        text.parse().map(Some).map_err(|_| wrong(name, Id::EXPECTED))
    }

    /// The same without one parameter.
    pub fn without(&self, name: &str) -> Self {
        Self(self.0.iter().filter(|(key, _)| key != name).cloned().collect())
    }

    /// Refuses parameters other than these and those that name the tenant, which every request may.
    pub fn only(&self, known: &[&str]) -> Result<()> {
        let is_known = |name: &str| known.contains(&name) || TENANT.contains(&name);
        match self.0.iter().find(|(name, _)| !is_known(name)) {
            None => Ok(()),
            Some((name, _)) => {
                let meant = kith_kernel::text::nearest(name, known.iter().copied());
                let meant =
                    meant.map(|known| format!("; did you mean {known}?")).unwrap_or_default();
                Err(wrong(name, &format!("is not a parameter here{meant}")))
            }
        }
    }
}

/// A parameter is wrong.
#[track_caller]
fn wrong(name: &str, why: &str) -> Error {
    let name: String = name.chars().take(80).collect();
    Error::new(Kind::Invalid, "invalid_parameter", format!("The parameter {name} {why}."))
        .and(name, why)
}

fn decode(text: &str) -> Result<String> {
    let spaced = text.replace('+', " ");
    let decoded = percent_decode(spaced.as_bytes()).decode_utf8();
    let decoded = decoded.map_err(|_| malformed("The query string is not UTF-8."))?;
    if decoded.contains('\0') {
        return Err(malformed("The query string holds a NUL character."));
    }
    Ok(decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded_strictly() {
        let query = Query::parse("amount%5Bgte%5D=1000&name=S%C3%A3o+Paulo&x").unwrap();
        assert_eq!(query.get("amount[gte]").unwrap(), Some("1000"));
        assert_eq!(query.get("name").unwrap(), Some("São Paulo"));
        assert_eq!(query.get("x").unwrap(), Some(""));
        assert!(Query::parse("a=%ff").is_err());
        assert!(Query::parse("a=%00").is_err());
        assert!(Query::parse("a=1&a=2").unwrap().get("a").is_err());
        assert!(
            query.only(&["name", "x", "amount"]).unwrap_err().to_string().contains("amount[gte]")
        );
    }
}
