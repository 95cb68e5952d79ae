//! Exact decimal numbers, for money and all else that must not pass through floating point.

use std::fmt;

/// The most digits a number may have, before and behind its sign together.
pub(super) const MAX_DIGITS: u32 = 38;

/// `mantissa` × 10^-`scale`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decimal {
    mantissa: i128,
    scale: u32,
}

/// A number with a given count of decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rounded {
    /// The number; its scale is the count of decimals asked for.
    pub value: Decimal,
    /// Whether the number had more decimals than that, other than zeros.
    pub lossy: bool,
}

impl Decimal {
    /// `mantissa` × 10^-`scale`; `None` for a scale or a mantissa of more than 38 digits.
    pub fn new(mantissa: i128, scale: u32) -> Option<Self> {
        let fits = scale <= MAX_DIGITS && mantissa.unsigned_abs() < 10_u128.pow(MAX_DIGITS);
        fits.then_some(Self { mantissa, scale })
    }

    /// All digits as one whole number.
    pub fn mantissa(self) -> i128 {
        self.mantissa
    }

    /// How many of the digits are decimals.
    pub fn scale(self) -> u32 {
        self.scale
    }

    /// The same number below zero, or above it.
    pub fn negated(self) -> Self {
        Self { mantissa: -self.mantissa, scale: self.scale }
    }

    /// Whether nothing but zeros stands behind the decimal sign.
    pub fn is_whole(self) -> bool {
        self.mantissa % 10_i128.pow(self.scale) == 0
    }

    /// The number with exactly `decimals` decimals, rounded half-even; `None` where it becomes
    /// too long.
    pub fn round(self, decimals: u32) -> Option<Rounded> {
        if self.scale <= decimals {
            let value = Self::new(self.widened(decimals - self.scale)?, decimals)?;
            return Some(Rounded { value, lossy: false });
        }
        let divisor = 10_i128.pow(self.scale - decimals);
        let (quotient, rest) = (self.mantissa / divisor, (self.mantissa % divisor).abs());
        let half = rest.cmp(&(divisor - rest));
        let up = half.is_gt() || (half.is_eq() && quotient % 2 != 0);
        let mantissa = quotient + if up { self.mantissa.signum() } else { 0 };
        Some(Rounded { value: Self::new(mantissa, decimals)?, lossy: rest != 0 })
    }

    /// The number times 10^`power`, exactly; `None` where it becomes too long.
    pub fn times_ten_to(self, power: u32) -> Option<Self> {
        match self.scale.checked_sub(power) {
            Some(scale) => Some(Self { mantissa: self.mantissa, scale }),
            None => Self::new(self.widened(power - self.scale)?, 0),
        }
    }

    fn widened(self, zeros: u32) -> Option<i128> {
        self.mantissa.checked_mul(10_i128.checked_pow(zeros)?)
    }
}

/// Plain digits with a decimal point and all decimals, such as `-1234.50`.
impl fmt::Display for Decimal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.mantissa < 0 { "-" } else { "" };
        let (digits, scale) = (self.mantissa.unsigned_abs(), self.scale as usize);
        if scale == 0 {
            return write!(out, "{sign}{digits}");
        }
        let unit = 10_u128.pow(self.scale);
        write!(out, "{sign}{}.{:0scale$}", digits / unit, digits % unit)
    }
}
