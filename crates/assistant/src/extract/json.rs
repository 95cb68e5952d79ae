//! JSON: each leaf with the way to it, the elements of lists as rows.

use serde_json::Value as Json;

use super::{
    Outcome,
    block::{Block, Form},
    text,
};

pub(super) fn read(bytes: &[u8]) -> Outcome {
    let text = text::decoded(bytes)?;
    // Its reader refuses what is nested deeper than 128 levels.
    let tree: Json =
        serde_json::from_str(&text).map_err(|error| format!("It is no JSON: {error}."))?;
    let mut blocks = Vec::new();
    walk("", &tree, &mut blocks);
    Ok(blocks.into())
}

fn walk(path: &str, tree: &Json, blocks: &mut Vec<Block>) {
    match tree {
        Json::Array(all) => {
            if !path.is_empty() && !all.is_empty() {
                blocks.push(Block::new(Form::Heading(1), path));
            }
            for one in all {
                let mut parts = Vec::new();
                leaves("", one, &mut parts);
                blocks.push(Block::new(Form::Row, parts.join("; ")));
            }
        }
        Json::Object(all) => {
            for (key, value) in all {
                let path = joined(path, key);
                match value {
                    Json::Array(list) if list.iter().any(Json::is_object) => {
                        walk(&path, value, blocks);
                    }
                    Json::Object(_) => walk(&path, value, blocks),
                    _ => {
                        let mut parts = Vec::new();
                        leaves(&path, value, &mut parts);
                        blocks.push(Block::new(Form::Row, parts.join("; ")));
                    }
                }
            }
        }
        Json::Null => {}
        Json::Bool(_) | Json::Number(_) | Json::String(_) => {
            blocks.push(Block::new(Form::Paragraph, shown(tree)));
        }
    }
}

fn joined(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn shown(leaf: &Json) -> String {
    leaf.as_str().map_or_else(|| leaf.to_string(), str::to_owned)
}

fn leaves(path: &str, tree: &Json, parts: &mut Vec<String>) {
    match tree {
        Json::Null => {}
        Json::Object(all) => {
            for (key, value) in all {
                leaves(&joined(path, key), value, parts);
            }
        }
        Json::Array(all) if all.iter().any(|one| one.is_object() || one.is_array()) => {
            for value in all {
                leaves(path, value, parts);
            }
        }
        Json::Array(all) if all.is_empty() => {}
        Json::Array(all) => {
            let words = all.iter().map(shown).collect::<Vec<_>>().join(", ");
            parts.push(named(path, &words));
        }
        Json::Bool(_) | Json::Number(_) | Json::String(_) => parts.push(named(path, &shown(tree))),
    }
}

fn named(path: &str, words: &str) -> String {
    if path.is_empty() { words.to_owned() } else { format!("{path}: {words}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_say_what_they_are() {
        let text = br#"{"shop":"Lume","hours":{"monday":"9 to 5"},"lamps":[{"name":"Lua","sizes":[1,2]},{"name":"Sol"}]}"#;
        let pages = read(text).unwrap_or_default();
        let told: Vec<&str> = pages.blocks.iter().map(|block| block.text.as_str()).collect();
        assert_eq!(
            told,
            ["shop: Lume", "hours.monday: 9 to 5", "lamps", "name: Lua; sizes: 1, 2", "name: Sol"]
        );
        assert!(read(&b"[".repeat(10_000)).is_err());
    }
}
