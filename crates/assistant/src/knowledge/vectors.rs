//! Vectors in whole numbers: eight bits of each stand in one block that is read from end to end, eight more beside it
//! for the few that come first. Together they are as good as floats, in half the room.

/// Steps of the coarse half, to either side.
const COARSE: i32 = 127;
/// A coarse step has so many fine ones.
const FINE: i32 = 128;
/// The largest number of both together.
const LARGEST: f32 = 16_256.0;

/// A vector as it is stored: what one step is worth, then a whole number for each dimension.
pub(crate) fn packed(vector: &[f32]) -> Vec<u8> {
    let (scale, whole) = quantised(vector, LARGEST);
    let mut bytes = Vec::with_capacity(4 + whole.len() * 2);
    bytes.extend_from_slice(&scale.to_le_bytes());
    for number in whole {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    bytes
}

/// The length of one.
pub(crate) fn normalised(mut vector: Vec<f32>) -> Vec<f32> {
    let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
    if length > 0.0 && length.is_finite() {
        for number in &mut vector {
            *number /= length;
        }
        vector
    } else {
        vec![0.0; vector.len()]
    }
}

#[expect(clippy::cast_possible_truncation, reason = "bounded by `largest`, which fits")]
fn quantised(vector: &[f32], largest: f32) -> (f32, Vec<i16>) {
    let peak = vector.iter().fold(0.0_f32, |peak, number| peak.max(number.abs()));
    if peak <= 0.0 || !peak.is_finite() {
        return (0.0, vec![0; vector.len()]);
    }
    let scale = peak / largest;
    (scale, vector.iter().map(|number| (number / scale).round() as i16).collect())
}

/// A question's vector, in numbers whose products with any vector's can be summed up in 32 bits.
pub(crate) struct Sought {
    scale: f32,
    numbers: Vec<i16>,
}

impl Sought {
    #[expect(clippy::cast_precision_loss, reason = "dimensions are few")]
    pub(crate) fn new(vector: &[f32]) -> Self {
        let most = i32::MAX as f32 / (COARSE as f32 * vector.len().max(1) as f32);
        let (scale, numbers) = quantised(vector, most.min(LARGEST).floor());
        Self { scale, numbers }
    }

    pub(crate) fn dimensions(&self) -> usize {
        self.numbers.len()
    }
}

/// Vectors of one number of dimensions.
#[derive(Default)]
pub(crate) struct Vectors {
    dimensions: usize,
    coarse: Vec<i8>,
    fine: Vec<i8>,
    scales: Vec<f32>,
}

impl Vectors {
    /// Adds a vector as it is stored; one of other dimensions, or none, leaves its place empty.
    #[expect(clippy::cast_possible_truncation, reason = "both halves fit by how they are made")]
    pub(crate) fn push(&mut self, packed: Option<&[u8]>) {
        let dimensions = packed.map_or(0, |packed| packed.len().saturating_sub(4) / 2);
        if self.dimensions == 0 && dimensions > 0 {
            self.dimensions = dimensions;
            self.coarse.resize(self.scales.len() * dimensions, 0);
            self.fine.resize(self.scales.len() * dimensions, 0);
        }
        let Some((scale, numbers)) = packed
            .filter(|_| dimensions == self.dimensions && dimensions > 0)
            .and_then(|packed| packed.split_first_chunk::<4>())
        else {
            self.scales.push(0.0);
            self.coarse.resize(self.scales.len() * self.dimensions, 0);
            self.fine.resize(self.scales.len() * self.dimensions, 0);
            return;
        };
        self.scales.push(f32::from_le_bytes(*scale));
        for pair in numbers.as_chunks::<2>().0 {
            let whole = i32::from(i16::from_le_bytes(*pair)).clamp(-16_256, 16_256);
            let coarse = ((whole + FINE / 2) >> 7).clamp(-COARSE, COARSE);
            self.coarse.push(coarse as i8);
            self.fine.push((whole - coarse * FINE).clamp(-128, 127) as i8);
        }
    }

    pub(crate) fn dimensions(&self) -> usize {
        self.dimensions
    }

    pub(crate) fn has(&self, place: usize) -> bool {
        self.scales.get(place).is_some_and(|scale| *scale > 0.0)
    }

    /// About how near each place is; places come in order.
    #[expect(clippy::cast_precision_loss, reason = "about")]
    pub(crate) fn about(&self, sought: &Sought, place: usize) -> f32 {
        let from = place * self.dimensions;
        let Some(row) = self.coarse.get(from..from + self.dimensions) else { return 0.0 };
        let sum: i32 = row
            .iter()
            .zip(&sought.numbers)
            .map(|(one, other)| i32::from(*one) * i32::from(*other))
            .sum();
        sum as f32 * (FINE as f32) * self.scales[place] * sought.scale
    }

    /// How near a place is: the cosine, from -1 to 1.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "a float has more digits than matter"
    )]
    pub(crate) fn exactly(&self, sought: &Sought, place: usize) -> f32 {
        let from = place * self.dimensions;
        let rows = (
            self.coarse.get(from..from + self.dimensions),
            self.fine.get(from..from + self.dimensions),
        );
        let (Some(coarse), Some(fine)) = rows else { return 0.0 };
        let sum: i64 = coarse
            .iter()
            .zip(fine)
            .zip(&sought.numbers)
            .map(|((coarse, fine), other)| {
                i64::from(i32::from(*coarse) * FINE + i32::from(*fine)) * i64::from(*other)
            })
            .sum();
        (sum as f64 * f64::from(self.scales[place]) * f64::from(sought.scale)) as f32
    }

    pub(crate) fn bytes(&self) -> usize {
        self.coarse.capacity() + self.fine.capacity() + self.scales.capacity() * 4
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn whole_numbers_are_as_near_as_floats(
            one in prop::collection::vec(-1.0_f32..1.0, 48),
            other in prop::collection::vec(-1.0_f32..1.0, 48),
        ) {
            let (one, other) = (normalised(one), normalised(other));
            let mut vectors = Vectors::default();
            vectors.push(None);
            vectors.push(Some(&packed(&one)));
            let sought = Sought::new(&other);
            let exact: f32 = one.iter().zip(&other).map(|(one, other)| one * other).sum();
            prop_assert!((vectors.exactly(&sought, 1) - exact).abs() < 2e-4);
            prop_assert!((vectors.about(&sought, 1) - exact).abs() < 2e-2);
            prop_assert!(!vectors.has(0));
        }
    }

    #[test]
    fn sums_do_not_run_over() {
        let all = vec![1.0_f32; 4096];
        let mut vectors = Vectors::default();
        vectors.push(Some(&packed(&normalised(all.clone()))));
        let near = vectors.about(&Sought::new(&normalised(all)), 0);
        assert!((near - 1.0).abs() < 1e-2, "{near}");
        vectors.push(Some(&packed(&[1.0, 0.0])));
        assert!(!vectors.has(1));
    }
}
