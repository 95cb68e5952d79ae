//! The model itself: tokens, layers, and one vector for each text.

#[cfg(test)]
mod tests;

use std::path::Path;

use candle_core::{DType, Device, Result as Candle, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::bert::{BertModel, Config};
use kith_kernel::{Result, internal};
use rayon::{ThreadPool, ThreadPoolBuilder};
use tokenizers::{PaddingParams, Tokenizer, TruncationParams};

use crate::{
    AT_ONCE,
    folder::{Files, unfit},
};

/// Tokens of a text at most, whatever a model could take: what layers do grows with their square.
const MOST_TOKENS: usize = 512;
/// Letters of a text at most; no token that counts lies behind them.
const MOST_LETTERS: usize = 16_000;

/// A sentence model.
pub struct Sentences {
    name: String,
    width: usize,
    model: BertModel,
    tokenizer: Tokenizer,
    by_first: bool,
    /// Half of the processors are left to others.
    threads: ThreadPool,
}

impl Sentences {
    /// Reads `config.json`, `tokenizer.json` and `model.safetensors` of a model of the kind BERT; where they are there, also
    /// `sentence_bert_config.json` and `1_Pooling/config.json`.
    ///
    /// # Errors
    /// `Unavailable`, with what is wrong in the folder.
    pub fn open(folder: &Path) -> Result<Self> {
        let files = Files::read(folder)?;
        let wrong = |error: candle_core::Error| unfit(folder, error);
        let config = files.config;
        if config.get("model_type").is_some_and(|kind| kind != "bert") {
            return Err(unfit(folder, "it is of another kind than BERT"));
        }
        let config: Config = serde_json::from_value(config)
            .map_err(|error| unfit(folder, format!("config.json does not fit ({error})")))?;
        let weights =
            VarBuilder::from_buffered_safetensors(files.weights, DType::F32, &Device::Cpu)
                .map_err(wrong)?;
        let model = BertModel::load(weights, &config).map_err(wrong)?;
        let most = config.max_position_embeddings.min(MOST_TOKENS);
        let most = files.most_tokens.unwrap_or(most).clamp(2, most.max(2));
        let mut tokenizer = Tokenizer::from_bytes(&files.tokenizer)
            .map_err(|error| unfit(folder, format!("tokenizer.json does not fit ({error})")))?;
        let cut = TruncationParams { max_length: most, ..TruncationParams::default() };
        tokenizer.with_truncation(Some(cut)).map_err(|error| unfit(folder, error))?;
        tokenizer.with_padding(Some(PaddingParams::default()));
        let half = std::thread::available_parallelism().map_or(1, usize::from).div_ceil(2);
        let threads = ThreadPoolBuilder::new().num_threads(half).build();
        let threads =
            threads.map_err(|error| internal("threads cannot be started").caused_by(error))?;
        let sentences = Self {
            name: files.name,
            width: config.hidden_size,
            model,
            tokenizer,
            by_first: files.by_first,
            threads,
        };
        // What does not fit together fails now, and not at the first question.
        sentences.embed(&["A sentence.".to_owned()]).map_err(|error| unfit(folder, error))?;
        Ok(sentences)
    }

    /// Its name, which changes with its files.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Dimensions of its vectors.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Vectors of texts, each of length one. What a text says behind the tokens that the model takes does not count. It
    /// keeps processors busy for some ten milliseconds a text: not for threads that others wait for.
    ///
    /// # Errors
    /// `Internal` where the model cannot make anything of a text.
    pub fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>> {
        let mut vectors = Vec::with_capacity(texts.len());
        for some in texts.chunks(AT_ONCE) {
            vectors.extend(self.threads.install(|| self.some(some))?);
        }
        Ok(vectors)
    }

    fn some(&self, texts: &[String]) -> Result<Vec<Vec<f32>>> {
        let cut = |text: &String| -> String { text.chars().take(MOST_LETTERS).collect() };
        let encoded = self.tokenizer.encode_batch(texts.iter().map(cut).collect(), true);
        let encoded = encoded.map_err(|error| {
            internal(format!("a sentence model cannot cut a text into tokens: {error}"))
        })?;
        let (mut ids, mut mask) = (Vec::new(), Vec::new());
        for one in &encoded {
            ids.extend_from_slice(one.get_ids());
            mask.extend_from_slice(one.get_attention_mask());
        }
        let shape = (texts.len(), ids.len() / texts.len().max(1));
        self.vectors(shape, (ids, mask))
            .map_err(|error| internal("a sentence model failed").caused_by(error))
    }

    fn vectors(&self, shape: (usize, usize), of: (Vec<u32>, Vec<u32>)) -> Candle<Vec<Vec<f32>>> {
        let ids = Tensor::from_vec(of.0, shape, &Device::Cpu)?;
        let mask = Tensor::from_vec(of.1, shape, &Device::Cpu)?;
        let states = self.model.forward(&ids, &ids.zeros_like()?, Some(&mask))?;
        let pooled = if self.by_first {
            states.narrow(1, 0, 1)?.squeeze(1)?
        } else {
            let mask = mask.to_dtype(DType::F32)?.unsqueeze(2)?;
            let sum = states.broadcast_mul(&mask)?.sum(1)?;
            sum.broadcast_div(&mask.sum(1)?.clamp(1e-9, f64::MAX)?)?
        };
        let lengths = pooled.sqr()?.sum_keepdim(1)?.sqrt()?.clamp(1e-12, f64::MAX)?;
        pooled.broadcast_div(&lengths)?.to_vec2()
    }
}
