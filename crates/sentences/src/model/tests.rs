//! A small model of made-up numbers, written as files, against the same arithmetic done by hand.

use std::{collections::HashMap, fs, path::Path};

use candle_core::{Device, Tensor};
use serde_json::json;

use crate::Sentences;

const WORDS: [&str; 12] = [
    "[PAD]", "[UNK]", "[CLS]", "[SEP]", "the", "lamp", "lantern", "bread", "is", "made", "of",
    "brass",
];
const WIDTH: usize = 16;
const HEADS: usize = 4;
const INNER: usize = 24;
const LAYERS: usize = 2;
const PLACES: usize = 10;

type Numbers = HashMap<String, (Vec<usize>, Vec<f64>)>;

/// Numbers that look drawn, and are the same each time.
fn numbers(seed: u64) -> Numbers {
    let mut state = seed;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        f64::from(u32::try_from(state >> 33).unwrap()) / f64::from(1_u32 << 31) - 0.5
    };
    let mut all = Numbers::new();
    let mut add = |name: String, shape: &[usize]| {
        let of_norm = name.contains("LayerNorm.weight");
        let count = shape.iter().product();
        let values = (0..count).map(|_| next() + f64::from(u8::from(of_norm))).collect();
        all.insert(name, (shape.to_vec(), values));
    };
    let place = "embeddings.";
    add(format!("{place}word_embeddings.weight"), &[WORDS.len(), WIDTH]);
    add(format!("{place}position_embeddings.weight"), &[PLACES, WIDTH]);
    add(format!("{place}token_type_embeddings.weight"), &[2, WIDTH]);
    let mut linear = vec![(format!("{place}LayerNorm"), 0, WIDTH)];
    for layer in 0..LAYERS {
        let place = format!("encoder.layer.{layer}.");
        for part in ["self.query", "self.key", "self.value", "output.dense"] {
            linear.push((format!("{place}attention.{part}"), WIDTH, WIDTH));
        }
        linear.push((format!("{place}attention.output.LayerNorm"), 0, WIDTH));
        linear.push((format!("{place}intermediate.dense"), WIDTH, INNER));
        linear.push((format!("{place}output.dense"), INNER, WIDTH));
        linear.push((format!("{place}output.LayerNorm"), 0, WIDTH));
    }
    for (name, from, to) in linear {
        let shape = if from == 0 { vec![to] } else { vec![to, from] };
        add(format!("{name}.weight"), &shape);
        add(format!("{name}.bias"), &[to]);
    }
    all
}

fn write(folder: &Path, numbers: &Numbers) {
    let config = json!({
        "model_type": "bert", "vocab_size": WORDS.len(), "hidden_size": WIDTH, "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS, "intermediate_size": INNER, "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1, "max_position_embeddings": PLACES, "type_vocab_size": 2,
        "initializer_range": 0.02, "layer_norm_eps": 1e-12, "pad_token_id": 0,
    });
    fs::write(folder.join("config.json"), config.to_string()).unwrap();
    let ids: HashMap<&str, usize> =
        WORDS.iter().enumerate().map(|(at, word)| (*word, at)).collect();
    let token = |name: &str| json!({ "id": name, "ids": [ids[name]], "tokens": [name] });
    let special = |name: &str| json!({ "SpecialToken": { "id": name, "type_id": 0 } });
    let sequence = json!({ "Sequence": { "id": "A", "type_id": 0 } });
    let tokenizer = json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
        "normalizer": { "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null, "lowercase": true },
        "pre_tokenizer": { "type": "BertPreTokenizer" },
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [special("[CLS]"), sequence, special("[SEP]")],
            "pair": [special("[CLS]"), sequence, special("[SEP]")],
            "special_tokens": { "[CLS]": token("[CLS]"), "[SEP]": token("[SEP]") },
        },
        "decoder": { "type": "WordPiece", "prefix": "##", "cleanup": true },
        "model": { "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100, "vocab": ids },
    });
    fs::write(folder.join("tokenizer.json"), tokenizer.to_string()).unwrap();
    #[expect(clippy::cast_possible_truncation, reason = "models count in 32 bits")]
    let tensors: HashMap<String, Tensor> = numbers
        .iter()
        .map(|(name, (shape, values))| {
            let values: Vec<f32> = values.iter().map(|value| *value as f32).collect();
            (name.clone(), Tensor::from_vec(values, shape.as_slice(), &Device::Cpu).unwrap())
        })
        .collect();
    candle_core::safetensors::save(&tensors, folder.join("model.safetensors")).unwrap();
}

/// BERT, written down from its paper: sums and products, one number after the other.
struct ByHand<'n>(&'n Numbers);

impl ByHand<'_> {
    fn row(&self, name: &str, at: usize) -> &[f64] {
        &self.0[name].1[at * WIDTH..(at + 1) * WIDTH]
    }

    fn linear(&self, name: &str, states: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let (shape, weights) = &self.0[&format!("{name}.weight")];
        let bias = &self.0[&format!("{name}.bias")].1;
        let one = |state: &Vec<f64>| {
            weights
                .chunks(shape[1])
                .zip(bias)
                .map(|(row, bias)| row.iter().zip(state).map(|(a, b)| a * b).sum::<f64>() + bias)
                .collect()
        };
        states.iter().map(one).collect()
    }

    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    fn norm(&self, name: &str, states: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let weight = &self.0[&format!("{name}.weight")].1;
        let bias = &self.0[&format!("{name}.bias")].1;
        let one = |state: &Vec<f64>| {
            let mean = state.iter().sum::<f64>() / state.len() as f64;
            let spread = state.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / state.len() as f64;
            let scaled = state.iter().map(|x| (x - mean) / (spread + 1e-12).sqrt());
            scaled
                .zip(weight.iter().zip(bias))
                .map(|(x, (weight, bias))| x * weight + bias)
                .collect()
        };
        states.iter().map(one).collect()
    }

    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    fn attention(&self, place: &str, states: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let of = |part: &str| self.linear(&format!("{place}attention.self.{part}"), states);
        let (queries, keys, values) = (of("query"), of("key"), of("value"));
        let size = WIDTH / HEADS;
        let mut all = vec![vec![0.0; WIDTH]; states.len()];
        for head in 0..HEADS {
            let part = head * size..(head + 1) * size;
            for (at, query) in queries.iter().enumerate() {
                let product = |key: &Vec<f64>| -> f64 {
                    let pairs = query[part.clone()].iter().zip(&key[part.clone()]);
                    pairs.map(|(a, b)| a * b).sum::<f64>() / (size as f64).sqrt()
                };
                let shares: Vec<f64> = keys.iter().map(|key| product(key).exp()).collect();
                let sum: f64 = shares.iter().sum();
                for (share, value) in shares.iter().zip(&values) {
                    for place in part.clone() {
                        all[at][place] += share / sum * value[place];
                    }
                }
            }
        }
        all
    }

    fn embed(&self, tokens: &[usize]) -> Vec<f64> {
        let added = |one: &[f64], other: &[f64]| -> Vec<f64> {
            one.iter().zip(other).map(|(a, b)| a + b).collect()
        };
        let both = |one: &[Vec<f64>], other: &[Vec<f64>]| -> Vec<Vec<f64>> {
            one.iter().zip(other).map(|(a, b)| added(a, b)).collect()
        };
        let start: Vec<Vec<f64>> = tokens
            .iter()
            .enumerate()
            .map(|(at, token)| {
                let word = self.row("embeddings.word_embeddings.weight", *token);
                let place = self.row("embeddings.position_embeddings.weight", at);
                let kind = self.row("embeddings.token_type_embeddings.weight", 0);
                added(&added(word, place), kind)
            })
            .collect();
        let mut states = self.norm("embeddings.LayerNorm", &start);
        for layer in 0..LAYERS {
            let place = format!("encoder.layer.{layer}.");
            let seen = self.attention(&place, &states);
            let seen = self.linear(&format!("{place}attention.output.dense"), &seen);
            states =
                self.norm(&format!("{place}attention.output.LayerNorm"), &both(&states, &seen));
            let mut inner = self.linear(&format!("{place}intermediate.dense"), &states);
            inner.iter_mut().flatten().for_each(|x| *x = *x * 0.5 * (1.0 + erf(*x / 2_f64.sqrt())));
            let outer = self.linear(&format!("{place}output.dense"), &inner);
            states = self.norm(&format!("{place}output.LayerNorm"), &both(&states, &outer));
        }
        (0..WIDTH).map(|at| states.iter().map(|state| state[at]).sum()).collect()
    }
}

/// The error function by its series, which is exact enough for what layers hold.
fn erf(x: f64) -> f64 {
    let (mut term, mut sum) = (x, x);
    for n in 1..200 {
        let n = f64::from(n);
        term *= -x * x / n;
        sum += term / (2.0 * n + 1.0);
    }
    sum * 2.0 / std::f64::consts::PI.sqrt()
}

fn cosine(one: &[f32], other: &[f64]) -> f64 {
    let length = other.iter().map(|x| x * x).sum::<f64>().sqrt();
    one.iter().zip(other).map(|(a, b)| f64::from(*a) * b / length).sum()
}

fn texts(all: &[&str]) -> Vec<String> {
    all.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn vectors_are_those_that_the_arithmetic_comes_to() {
    let folder = tempfile::tempdir().unwrap();
    let numbers = numbers(7);
    write(folder.path(), &numbers);
    let model = Sentences::open(folder.path()).unwrap();
    assert_eq!(model.width(), WIDTH);
    let asked = texts(&["The lamp is made of brass", "bread", "of of lantern", "xyz the"]);
    let found = model.embed(&asked).unwrap();
    let tokens: [&[usize]; 4] =
        [&[2, 4, 5, 8, 9, 10, 11, 3], &[2, 7, 3], &[2, 10, 10, 6, 3], &[2, 1, 4, 3]];
    for (vector, tokens) in found.iter().zip(tokens) {
        let by_hand = ByHand(&numbers).embed(tokens);
        assert!(cosine(vector, &by_hand) > 0.999_999, "{tokens:?} {}", cosine(vector, &by_hand));
        let length: f32 = vector.iter().map(|x| x * x).sum();
        assert!((length - 1.0).abs() < 1e-5, "{length}");
    }
    // Who comes along in a batch changes nothing.
    for (text, vector) in asked.iter().zip(&found) {
        let alone = &model.embed(std::slice::from_ref(text)).unwrap()[0];
        assert!(alone.iter().zip(vector).all(|(a, b)| (a - b).abs() < 1e-5), "{text}");
    }
}

#[test]
fn a_text_may_be_as_long_as_it_likes() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &numbers(7));
    let model = Sentences::open(folder.path()).unwrap();
    let long = "lamp ".repeat(100_000);
    let found = model.embed(&[long, "lamp ".repeat(PLACES), String::new()]).unwrap();
    assert!(found[0].iter().zip(&found[1]).all(|(a, b)| (a - b).abs() < 1e-5));
    assert_eq!(model.embed(&vec!["lamp".to_owned(); 20]).unwrap().len(), 20);
    assert!(model.embed(&[]).unwrap().is_empty());
}

#[test]
fn other_files_are_another_model() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &numbers(7));
    let name = || Sentences::open(folder.path()).unwrap().name().to_owned();
    let (one, again) = (name(), name());
    assert_eq!(one, again);
    assert!(one.starts_with("sentences/") && one.contains('@'), "{one}");
    write(folder.path(), &numbers(8));
    let other = name();
    assert_ne!(one, other);
    fs::create_dir(folder.path().join("1_Pooling")).unwrap();
    let by_first = json!({ "pooling_mode_cls_token": true });
    fs::write(folder.path().join("1_Pooling/config.json"), by_first.to_string()).unwrap();
    assert_ne!(name(), other);
}

#[test]
fn a_folder_that_does_not_fit_says_why() {
    let refused = |change: &dyn Fn(&Path)| {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &numbers(7));
        change(folder.path());
        Sentences::open(folder.path()).err().unwrap().message().to_owned()
    };
    let put = |name: &'static str, text: &'static str| {
        move |folder: &Path| fs::write(folder.join(name), text).unwrap()
    };
    for name in ["config.json", "tokenizer.json", "model.safetensors"] {
        let why = refused(&|folder| fs::remove_file(folder.join(name)).unwrap());
        assert!(why.contains(&format!("there is no {name}")), "{why}");
    }
    let why = refused(&put("config.json", "{"));
    assert!(why.contains("config.json is no JSON"), "{why}");
    let why = refused(&put("config.json", r#"{"model_type": "gpt2"}"#));
    assert!(why.contains("another kind than BERT"), "{why}");
    let why = refused(&put("config.json", "{}"));
    assert!(why.contains("config.json does not fit"), "{why}");
    let why = refused(&put("tokenizer.json", "{}"));
    assert!(why.contains("tokenizer.json does not fit"), "{why}");
    refused(&put("model.safetensors", "no weights"));
    let why = refused(&|folder| {
        let mut numbers = numbers(7);
        numbers.remove("encoder.layer.1.output.dense.bias");
        write(folder, &numbers);
    });
    assert!(why.contains("output.dense.bias"), "{why}");
}
