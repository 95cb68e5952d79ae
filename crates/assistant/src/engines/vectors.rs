//! Texts as vectors without a model: words and pieces of words, hashed into places, so that texts with the same words are near.

use super::text::spaced;

/// Numbers of a vector.
pub const DIMENSIONS: usize = 384;
/// Letters of a piece of a word.
const PIECE: usize = 3;
/// What a whole word weighs beside a piece of one.
const WORD: f32 = 1.5;

/// The vector of a text, of length one; all zero where it has no letters.
pub fn vector(text: &str) -> Vec<f32> {
    let mut vector = vec![0.0_f32; DIMENSIONS];
    let spaced = spaced(text);
    let mut before: Option<&str> = None;
    for word in spaced.split_whitespace() {
        add(&mut vector, &[word], WORD);
        if let Some(before) = before {
            add(&mut vector, &[before, word], 1.0);
        }
        let framed: Vec<char> =
            std::iter::once('<').chain(word.chars()).chain(std::iter::once('>')).collect();
        for piece in framed.windows(PIECE) {
            let piece: String = piece.iter().collect();
            add(&mut vector, &["#", &piece], 1.0);
        }
        before = Some(word);
    }
    let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
    if length > 0.0 {
        for number in &mut vector {
            *number /= length;
        }
    }
    vector
}

/// Adds to the place of some words; half of the places count down, so that chance meetings cancel out.
fn add(vector: &mut [f32], words: &[&str], weight: f32) {
    let hash = hash(words);
    let Ok(place) = usize::try_from(hash % (DIMENSIONS as u64)) else { return };
    vector[place] += if hash >> 63 == 0 { weight } else { -weight };
}

/// FNV-1a, which gives the same on every machine, and then the finish of Murmur's, since its high bits alone are weak.
fn hash(words: &[&str]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for word in words {
        for byte in word.bytes().chain([0]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^ (hash >> 29)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn likeness(one: &str, other: &str) -> f32 {
        vector(one).iter().zip(vector(other)).map(|(a, b)| a * b).sum()
    }

    #[test]
    fn texts_of_the_same_words_are_near() {
        let question = "When do you deliver the lamps?";
        assert!(likeness(question, question) > 0.999);
        let near = likeness(question, "We deliver lamps within three days.");
        let far = likeness(question, "Our office is closed on Sundays.");
        assert!(near > far + 0.15, "{near} {far}");
        assert!(likeness("entrega das lâmpadas", "Entregas de lampadas") > 0.5);
    }

    #[test]
    fn a_text_without_letters_is_nowhere() {
        assert!(vector(" … ").iter().all(|number| number.abs() < f32::EPSILON));
    }
}
