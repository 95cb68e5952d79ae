//! Money: whole minor units of a currency, read from and written to decimals without a float in between.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An ISO 4217 code such as `EUR`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency([u8; 3]);

/// Codes in use (ISO 4217, 2026), without funds, metals and test codes.
const CODES: &str = "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG";
const NO_DECIMALS: &str = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF";
const THREE_DECIMALS: &str = "BHD IQD JOD KWD LYD OMR TND";

impl Currency {
    /// The US dollar, where nothing else is known.
    pub const USD: Self = Self(*b"USD");

    /// One of those whose amounts have the most decimals.
    pub const FINEST: Self = Self(*b"KWD");

    /// How many decimals an amount has (ISO 4217 exponent).
    pub fn decimals(self) -> u32 {
        if NO_DECIMALS.contains(self.code()) {
            0
        } else if THREE_DECIMALS.contains(self.code()) {
            3
        } else {
            2
        }
    }

    /// The three letters.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl FromStr for Currency {
    type Err = MoneyError;

    /// Reads a code in any case.
    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let upper = text.to_ascii_uppercase();
        let code: [u8; 3] = upper.as_bytes().try_into().map_err(|_| MoneyError::UnknownCurrency)?;
        if code.iter().all(u8::is_ascii_uppercase) && CODES.contains(&upper) {
            Ok(Self(code))
        } else {
            Err(MoneyError::UnknownCurrency)
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// Why a text is not an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MoneyError {
    /// It is not a decimal number.
    NotANumber,
    /// It has more decimals than the currency.
    TooPrecise,
    /// It is beyond 90 million million units, which JSON numbers cannot carry exactly.
    TooLarge,
    /// The code is not one of ISO 4217.
    UnknownCurrency,
}

impl fmt::Display for MoneyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotANumber => "is not an amount",
            Self::TooPrecise => "has more decimals than its currency",
            Self::TooLarge => "is too large an amount",
            Self::UnknownCurrency => "is not a currency (ISO 4217, such as EUR)",
        })
    }
}

impl std::error::Error for MoneyError {}

/// The largest amount in minor units: JSON numbers are exact up to 2^53.
const LARGEST: i64 = 9_007_199_254_740_991;

/// An amount of one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Money {
    /// Whole minor units (cents, yen, fils).
    pub minor: i64,
    /// Of what.
    pub currency: Currency,
}

impl Money {
    /// Reads a decimal number (`1234.5`, `-0.01`, `1e3`) exactly; zeros beyond the currency's decimals are allowed.
    pub fn parse(text: &str, currency: Currency) -> Result<Self, MoneyError> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => {
                (mantissa, exponent.parse::<i32>().map_err(|_| MoneyError::NotANumber)?)
            }
            None => (text, 0),
        };
        let negative = mantissa.starts_with('-');
        let unsigned = mantissa.trim_start_matches('-');
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        if unsigned.len() + 1 < mantissa.len()
            || whole.is_empty()
            || !(-40..=40).contains(&exponent)
        {
            return Err(MoneyError::NotANumber);
        }
        let digits = format!("{whole}{fraction}");
        if digits.len() > 60 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(if digits.len() > 60 {
                MoneyError::TooLarge
            } else {
                MoneyError::NotANumber
            });
        }
        let fraction_digits = i32::try_from(fraction.len()).map_err(|_| MoneyError::TooLarge)?;
        let shift = i32::try_from(currency.decimals()).map_err(|_| MoneyError::TooLarge)?
            + exponent
            - fraction_digits;
        let minor = shifted(&digits, shift)?;
        Ok(Self { minor: if negative { -minor } else { minor }, currency })
    }

    /// Writes the amount as a decimal number: `1234.50`, `-0.01`, `1000` for yen.
    pub fn write(self, out: &mut String) {
        use std::fmt::Write;
        let decimals = self.currency.decimals();
        let unit = 10_u64.pow(decimals);
        let magnitude = self.minor.unsigned_abs();
        let sign = if self.minor < 0 { "-" } else { "" };
        let (whole, part) = (magnitude / unit, magnitude % unit);
        let written = if part == 0 {
            write!(out, "{sign}{whole}")
        } else {
            write!(out, "{sign}{whole}.{part:0width$}", width = decimals as usize)
        };
        debug_assert!(written.is_ok(), "writing into a String does not fail");
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        self.write(&mut text);
        f.write_str(&text)
    }
}

/// `digits` with the decimal point moved by `shift` places; refuses to lose a digit that is not zero.
fn shifted(digits: &str, shift: i32) -> Result<i64, MoneyError> {
    let significant = digits.trim_start_matches('0');
    if significant.is_empty() {
        return Ok(0);
    }
    let kept = if shift < 0 {
        let cut = significant.len().saturating_sub(shift.unsigned_abs() as usize);
        let (kept, lost) = significant.split_at(cut);
        if lost.bytes().any(|digit| digit != b'0') {
            return Err(MoneyError::TooPrecise);
        }
        kept.to_owned()
    } else {
        format!("{significant}{}", "0".repeat(shift.unsigned_abs() as usize))
    };
    match kept.parse::<i64>() {
        _ if kept.is_empty() => Ok(0),
        Ok(minor) if minor <= LARGEST => Ok(minor),
        _ => Err(MoneyError::TooLarge),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn eur(text: &str) -> Result<i64, MoneyError> {
        Money::parse(text, "eur".parse().unwrap()).map(|money| money.minor)
    }

    #[test]
    fn amounts_are_exact() {
        assert_eq!(eur("1234.5"), Ok(123_450));
        assert_eq!(eur("-0.01"), Ok(-1));
        assert_eq!(eur("1e3"), Ok(100_000));
        assert_eq!(eur("1.10000"), Ok(110));
        assert_eq!(eur("1.005"), Err(MoneyError::TooPrecise));
        assert_eq!(eur("--1"), Err(MoneyError::NotANumber));
        assert_eq!(eur("1e400"), Err(MoneyError::NotANumber));
        assert_eq!(eur(&"9".repeat(400)), Err(MoneyError::TooLarge));
        assert_eq!(eur("99999999999999999"), Err(MoneyError::TooLarge));
        assert_eq!(Money::parse("10.5", "JPY".parse().unwrap()), Err(MoneyError::TooPrecise));
        assert_eq!(Money::parse("1.234", "KWD".parse().unwrap()).unwrap().to_string(), "1.234");
        assert_eq!("EURO".parse::<Currency>(), Err(MoneyError::UnknownCurrency));
        assert_eq!("R U".parse::<Currency>(), Err(MoneyError::UnknownCurrency));
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(minor in -LARGEST..=LARGEST) {
            let money = Money { minor, currency: Currency::USD };
            prop_assert_eq!(Money::parse(&money.to_string(), Currency::USD), Ok(money));
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,80}") {
            let parsed = Money::parse(&text, Currency::USD);
            prop_assert!(parsed.is_ok() || parsed.is_err());
        }
    }
}
