//! The verb `group`: what the operators `cluster` and `classify` make of a list of texts.
//!
//! ```text
//! line ─► text ─► words ─► vector ─► neighbours ─► clusters ─► issue, similarity
//!                    └────────┴─► rules, sentences ─► tags
//! ```
//! *Limits:* [`TEXTS_MAX`] texts are in memory at once; what is embedded of equal words is embedded once.

use crate::cli::group::{GroupArgs, GroupOutput};
use crate::failure::Failure;
use crate::model::{Lines, embed_on, encoder};
use anyhow::{Context, bail};
use encoder::Encoder;
use engine::component::Embedder;
use engine::model::{Embedding, IssueId, Vector};
use operators::classify::{Classifier, ClassifyOptions};
use operators::cluster::Placed;
use operators::cluster::{self, ClusterOptions};
use operators::meaning;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::io::{BufWriter, Write};
use std::num::NonZero;
use std::thread;

/// Texts that can be grouped at once.
const TEXTS_MAX: usize = 200_000;
/// Texts of one issue that are shown to people.
const SHOWN_MAX: usize = 8;

/// What is known of one text.
#[derive(Debug, Serialize)]
struct Grouped<'a> {
    text: &'a str,
    issue: IssueId,
    similarity: f64,
    tags: Vec<Tagged>,
}

/// A tag of a text.
#[derive(Debug, Serialize)]
struct Tagged {
    tag: String,
    score: f64,
    reason: String,
}

/// Groups the texts of a file.
pub fn group(args: GroupArgs) -> Result<(), Failure> {
    let encoder = encoder(args.place)?;
    let threads = args
        .threads
        .unwrap_or_else(|| thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN));
    let mut texts = Vec::new();
    let mut lines = Lines::of(&args.file)?;
    loop {
        let batch = lines.batch()?;
        if batch.is_empty() {
            break;
        }
        texts.extend(batch.into_iter().map(text_of));
        if texts.len() > TEXTS_MAX {
            let message = format!("cannot group more than {TEXTS_MAX} texts at once");
            return Err(Failure::Failed(anyhow::anyhow!(message)));
        }
    }
    let embeddings = embedded(&encoder, &texts, threads.get())?;
    let options = ClusterOptions {
        same_issue: args.threshold,
        links_max: args.links_max.into(),
        ..ClusterOptions::default()
    };
    let classifier = classifier(&encoder, threads.get())?;
    let grouped = grouped(&texts, &embeddings, &classifier, &options);
    let mut output = BufWriter::new(std::io::stdout().lock());
    match args.output {
        GroupOutput::Jsonl => {
            for one in &grouped {
                serde_json::to_writer(&mut output, one)?;
                output.write_all(b"\n")?;
            }
        }
        GroupOutput::Json => {
            serde_json::to_writer(&mut output, &grouped)?;
            output.write_all(b"\n")?;
        }
        GroupOutput::Text => show(&grouped, &mut output)?,
    }
    Ok(output.flush()?)
}

/// Returns the text of a line: its field `text` if it is a JSON object with one, else all of it.
fn text_of(line: String) -> String {
    #[derive(Deserialize)]
    struct Line {
        text: String,
    }
    let is_object = line.trim_start().starts_with('{');
    let found = is_object.then(|| serde_json::from_str::<Line>(&line).ok()).flatten();
    found.map_or(line, |found| found.text)
}

/// Returns the embedding of each text, nothing for those without words.
fn embedded(
    encoder: &Encoder,
    texts: &[String],
    threads: usize,
) -> anyhow::Result<Vec<Option<Embedding>>> {
    let words: Vec<Option<String>> = texts.iter().map(|text| meaning::text(text)).collect();
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut distinct = Vec::new();
    for words in words.iter().flatten() {
        places.entry(words).or_insert_with(|| {
            distinct.push(encoder.tokenize(words));
            distinct.len() - 1
        });
    }
    let count = distinct.len();
    let vectors = embed_on(encoder, &distinct, threads);
    let vectors = vectors.with_context(|| format!("cannot embed {count} texts"))?;
    let mut embeddings = Vec::with_capacity(vectors.len());
    let class = Embedder::kernel(encoder);
    for vector in vectors {
        let Some(embedding) = Embedding::of(&Vector(Box::new(vector)), class) else {
            bail!("a text's vector has no direction: the model is damaged");
        };
        embeddings.push(embedding);
    }
    let embedding = |words: &Option<String>| Some(embeddings[places[words.as_deref()?]].clone());
    Ok(words.iter().map(embedding).collect())
}

/// Returns what gives the built-in tags.
fn classifier(encoder: &Encoder, threads: usize) -> anyhow::Result<Classifier> {
    let sentences = ClassifyOptions::default().sentences();
    let words: Vec<String> = sentences.iter().map(|sentence| sentence.words.to_string()).collect();
    let embeddings = embedded(encoder, &words, threads)?;
    let known = sentences.into_iter().zip(embeddings);
    Ok(Classifier::new(known.filter_map(|(sentence, at)| Some((sentence, at?))).collect()))
}

fn grouped<'a>(
    texts: &'a [String],
    embeddings: &[Option<Embedding>],
    classifier: &Classifier,
    options: &ClusterOptions,
) -> Vec<Grouped<'a>> {
    let placed = cluster::group(embeddings, options);
    let ids = ids(texts, &placed);
    let all = texts.iter().zip(embeddings).zip(placed);
    let grouped = all.map(|((text, embedding), placed)| {
        let tags = classifier.tags(text, embedding.as_ref()).into_iter().map(|tag| Tagged {
            tag: tag.name.to_string(),
            score: tag.score.ratio(),
            reason: tag.reason.to_string(),
        });
        Grouped {
            text,
            issue: ids[&placed.first],
            similarity: placed.similarity.ratio(),
            tags: tags.collect(),
        }
    });
    grouped.collect()
}

/// Returns the id of each issue by its first text: that of its smallest text, so that the order of the
/// texts changes no id.
fn ids(texts: &[String], placed: &[Placed]) -> HashMap<usize, IssueId> {
    let mut smallest: HashMap<usize, &str> = HashMap::new();
    for (text, Placed { first, .. }) in texts.iter().zip(placed) {
        let known = smallest.entry(*first).or_insert(text);
        *known = (*known).min(text);
    }
    let id = |text: &str| IssueId::of(&[b"text", text.as_bytes()]);
    smallest.into_iter().map(|(first, text)| (first, id(text))).collect()
}

/// Writes issues for people, the largest first.
fn show(grouped: &[Grouped<'_>], output: &mut impl Write) -> std::io::Result<()> {
    let mut issues: BTreeMap<IssueId, Vec<&Grouped<'_>>> = BTreeMap::new();
    for one in grouped {
        issues.entry(one.issue).or_default().push(one);
    }
    let mut issues: Vec<Vec<&Grouped<'_>>> = issues.into_values().collect();
    // Of equal size, in the order of ids: the same whatever the order of the lines.
    issues.sort_by_key(|members| std::cmp::Reverse(members.len()));
    for members in issues {
        let tags: Vec<&str> = members[0].tags.iter().map(|tag| tag.tag.as_str()).collect();
        writeln!(output, "{:>5}  {}  [{}]", members.len(), members[0].text, tags.join(", "))?;
        for member in members.iter().skip(1).take(SHOWN_MAX) {
            writeln!(output, "       {:.2}  {}", member.similarity, member.text)?;
        }
        if members.len() > SHOWN_MAX + 1 {
            writeln!(output, "             and {} more", members.len() - SHOWN_MAX - 1)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_text_or_an_object_with_one() {
        let text = |line: &str| text_of(line.to_owned());
        assert_eq!(text(r#"{"text": "disk full", "group": "x"}"#), "disk full");
        assert_eq!(text("disk full"), "disk full");
        assert_eq!(text(r#"{"message": "other"}"#), r#"{"message": "other"}"#);
        assert_eq!(text("{cut"), "{cut");
    }

    #[test]
    fn issues_are_shown_the_largest_first() {
        let texts = ["one", "connection refused", "connection refused"].map(str::to_owned);
        let none = [None, None, None];
        let grouped = grouped(&texts, &none, &Classifier::default(), &ClusterOptions::default());
        let mut output = Vec::new();
        show(&grouped, &mut output).unwrap();
        let output = String::from_utf8(output).unwrap();
        let first = output.lines().next().unwrap();
        assert_eq!(first, "    2  connection refused  [network]");
        assert_eq!(output.lines().count(), 3);
    }
}
