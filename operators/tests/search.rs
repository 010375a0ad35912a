//! Search: whatever came and went, an index answers as one that was built from what is there (I1, I6), and
//! what it says of similar issues is what comparing every pair says.
//!
//! - `oracle_`: compared with an index built afresh, and with the definition written out.
//! - `limit_`: each bound is reached.
#![allow(
    clippy::disallowed_methods,
    reason = "tests take their number of cases from the environment"
)]

use engine::component::{IssueMeaning, PartState};
use engine::model::{
    EMBEDDING_DIMENSIONS, Embedding, IssueId, KernelClass, Part, PatternId, Similarity, TextId,
};
use operators::meaning::RERANKED;
use operators::search::{
    Index, LIMIT_MAX, Near, PARTS_COMPARED_MAX, SIMILAR_COMPARED_MAX, SIMILARITY_MIN,
    TEXTS_PER_ISSUE_MAX,
};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const SAME: Similarity = Similarity::from_millionths(550_000);
const RELATED: Similarity = Similarity::from_millionths(375_000);

/// An embedding in the plane, this many degrees from the first axis.
fn at(degrees: u32) -> Embedding {
    let mut numbers = [0; EMBEDDING_DIMENSIONS];
    let angle = f64::from(degrees).to_radians();
    numbers[0] = (angle.cos() * 127.0).round() as i8;
    numbers[1] = (angle.sin() * 127.0).round() as i8;
    Embedding::from_numbers(numbers, KernelClass::MINILM_L6_F32)
}

fn part(issue: u128, pattern: u128, text: &str, embedded: Option<u128>) -> Part {
    let (issue, pattern, embedded) = (IssueId(issue), PatternId(pattern), embedded.map(TextId));
    Part { issue, pattern, text: text.into(), embedded }
}

fn index(parts: &[Part], vectors: &[(u128, Embedding)]) -> Index {
    let mut index = Index::default();
    parts.iter().for_each(|part| index.apply_part(part, true));
    vectors.iter().for_each(|(text, at)| index.add_vector(TextId(*text), at.clone()));
    index
}

/// Asks for `words`, and for what means `at` if that is given; ranked by whole numbers.
fn found(index: &Index, words: &str, at: Option<&Embedding>) -> Vec<(u128, Vec<String>)> {
    let ranked: Vec<TextId> = at
        .map(|at| index.candidates(at, 10).into_iter().map(|(text, _)| text).collect())
        .unwrap_or_default();
    let near = at.map(|question| Near { question, ranked: &ranked });
    let hits = index.found(words, near, 10).into_iter();
    hits.map(|hit| (hit.issue.0, hit.words)).collect()
}

fn ids(found: &[(u128, Vec<String>)]) -> Vec<u128> {
    found.iter().map(|(issue, _)| *issue).collect()
}

#[test]
fn what_has_the_words_and_the_meaning_comes_first_then_what_has_one_of_both() {
    let parts = [
        part(1, 1, "Disk <path> is full", Some(11)),
        part(2, 2, "no space left on device", Some(12)),
        part(3, 3, "the disk was replaced yesterday by somebody", Some(13)),
        part(4, 4, "payment declined", Some(14)),
    ];
    let index = index(&parts, &[(11, at(0)), (12, at(20)), (13, at(90)), (14, at(180))]);
    let with_meaning = found(&index, "disk full", Some(&at(5)));
    assert_eq!(ids(&with_meaning), [1, 2, 3]);
    assert_eq!(with_meaning[0].1, ["disk", "full"]);
    assert!(with_meaning[1].1.is_empty(), "found by its meaning alone");
    assert_eq!(ids(&found(&index, "disk full", None)), [1, 3]);
    let hits = index.found("disk", Some(Near { question: &at(5), ranked: &[] }), 10);
    assert!(hits.iter().all(|hit| hit.similarity.is_some()), "{hits:?}");
    assert!(index.found("disk", None, 10).iter().all(|hit| hit.similarity.is_none()));
}

#[test]
fn an_issue_is_found_once_by_the_part_that_fits_best() {
    let parts = [part(1, 1, "pool closed", None), part(1, 2, "pool is empty", None)];
    let hits = index(&parts, &[]).found("empty pool", None, 10);
    assert_eq!(hits.len(), 1);
    assert_eq!(&*hits[0].text, "pool is empty");
    assert_eq!(hits[0].words, ["empty", "pool"]);
}

#[test]
fn of_equal_issues_the_smaller_id_comes_first() {
    let parts = [9, 4, 7].map(|issue| part(issue, issue, "queue is full", Some(issue)));
    let vectors = [9, 4, 7].map(|text| (text, at(3)));
    assert_eq!(ids(&found(&index(&parts, &vectors), "queue", Some(&at(0)))), [4, 7, 9]);
}

#[test]
fn what_is_asked_by_meaning_alone_must_be_near() {
    let index = index(&[part(1, 1, "pool closed", Some(1))], &[(1, at(80))]);
    assert!(SIMILARITY_MIN > at(80).similarity(&at(0)).unwrap());
    assert!(found(&index, "", Some(&at(0))).is_empty());
    assert_eq!(ids(&found(&index, "", Some(&at(30)))), [1]);
}

#[test]
fn the_meaning_of_an_issue_is_that_of_its_parts_and_of_issues_whose_pairs_are_alike() {
    let parts = [
        part(1, 1, "refused", Some(11)),
        part(1, 2, "reset", Some(12)),
        part(1, 3, "<*>", None),
        part(1, 4, "later", Some(14)),
        part(2, 5, "closed", Some(15)),
        part(3, 6, "near one only", Some(16)),
        part(3, 7, "far", Some(17)),
    ];
    let vectors = [(11, at(0)), (12, at(20)), (15, at(40)), (16, at(10)), (17, at(170))];
    let index = index(&parts, &vectors);
    let meaning = index.meaning(IssueId(1), SAME, RELATED, 10).unwrap();
    assert_eq!((meaning.parts_in_all, meaning.same_issue, meaning.related), (4, SAME, RELATED));
    let states: Vec<PartState> = meaning.parts.iter().map(|part| part.state).collect();
    let embedded = PartState::Embedded;
    assert_eq!(states, [embedded, embedded, PartState::NotEmbedded, PartState::Pending]);
    let pair = at(0).similarity(&at(20));
    let own: Vec<_> = meaning.parts.iter().map(|part| part.similarity).collect();
    assert_eq!(own, [pair, pair, None, None]);
    let similar: Vec<u128> = meaning.similar.iter().map(|one| one.issue.0).collect();
    assert_eq!(similar, [2], "issue 3 is near with one part, and far on average");
    assert_eq!(&*meaning.similar[0].text, "closed");
    assert_eq!(index.meaning(IssueId(9), SAME, RELATED, 10), None);
    let to_line = index.similar(&at(0), RELATED, 10);
    assert_eq!(to_line.iter().map(|one| one.issue.0).collect::<Vec<_>>(), [1, 2]);
    let near = index.neighbours(&at(0), RELATED, 2);
    assert_eq!(near.iter().map(|one| one.part.pattern.0).collect::<Vec<_>>(), [1, 6]);
}

#[test]
fn limit_an_issue_of_many_texts_hides_no_other() {
    let crowd = (0..RERANKED as u128 * 2).map(|n| part(1, n, "a crowd", Some(n)));
    let lonely = part(2, 999, "lonely", Some(999));
    let parts: Vec<Part> = crowd.chain([lonely]).collect();
    let mut vectors: Vec<_> = (0..RERANKED as u128 * 2).map(|n| (n, at(1))).collect();
    vectors.push((999, at(40)));
    let index = index(&parts, &vectors);
    assert_eq!(index.candidates(&at(0), 10).len(), TEXTS_PER_ISSUE_MAX + 1);
    assert_eq!(ids(&found(&index, "", Some(&at(0)))), [1, 2]);
}

#[test]
fn limit_answers_and_comparisons_are_bounded() {
    let many = 3 * LIMIT_MAX as u128;
    let parts: Vec<Part> = (0..many).map(|n| part(n, n, "same text", Some(n))).collect();
    let vectors: Vec<_> = (0..many).map(|n| (n, at(n as u32 % 5))).collect();
    let index = index(&parts, &vectors);
    assert_eq!(index.found("same", None, usize::MAX).len(), LIMIT_MAX);
    assert_eq!(index.candidates(&at(0), 1).len(), RERANKED);
    assert_eq!(index.candidates(&at(0), usize::MAX).len(), parts.len());
    let similar = index.meaning(IssueId(0), SAME, RELATED, usize::MAX).unwrap().similar;
    assert_eq!(similar.len(), SIMILAR_COMPARED_MAX);
    assert_eq!(index.meaning(IssueId(0), SAME, RELATED, 3).unwrap().similar.len(), 3);
}

#[test]
fn limit_of_an_issue_with_many_parts_the_first_ones_are_compared_and_listed() {
    let many = IssueMeaning::PARTS_MAX as u128 + 5;
    let parts: Vec<Part> = (0..many).map(|n| part(1, n, "text", Some(n))).collect();
    let compared = PARTS_COMPARED_MAX as u128;
    let vectors: Vec<_> = (0..many).map(|n| (n, at(if n < compared { 0 } else { 60 }))).collect();
    let meaning = index(&parts, &vectors).meaning(IssueId(1), SAME, RELATED, 10).unwrap();
    let (all, listed) = (meaning.parts_in_all as u128, meaning.parts.len());
    assert_eq!((all, listed), (many, IssueMeaning::PARTS_MAX));
    assert_eq!(meaning.parts[0].similarity, Some(Similarity::ONE));
    assert_eq!(meaning.parts[PARTS_COMPARED_MAX].similarity, at(0).similarity(&at(60)));
}

const TEXTS: [&str; 7] = [
    "pool closed",
    "PoolClosed early",
    "pool <num> pool reopened",
    "connection refused by peer",
    "connectionReset",
    "disk",
    "disk quota of <*> poolside users",
];

fn any_part() -> impl Strategy<Value = Part> {
    let embedded = prop::option::of(0u128..9);
    (0u128..6, 0u128..5, 0..TEXTS.len(), embedded)
        .prop_map(|(issue, pattern, text, embedded)| part(issue, pattern, TEXTS[text], embedded))
}

/// What comes or goes.
#[derive(Clone, Debug)]
enum Change {
    Part(Part, bool),
    Vector(u128, u32),
}

fn any_change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => (any_part(), any::<bool>()).prop_map(|(part, comes)| Change::Part(part, comes)),
        2 => (0u128..9, 0u32..180).prop_map(|(text, degrees)| Change::Vector(text, degrees)),
    ]
}

/// Everything that an index can be asked.
fn answers(index: &Index) -> impl PartialEq + std::fmt::Debug + use<> {
    let questions = ["pool", "pool closed ", "conn", "ConnectionReset disk", "quota of users", ""];
    let asked = [None, Some(at(0)), Some(at(100))];
    let found: Vec<_> = questions
        .iter()
        .flat_map(|words| asked.iter().map(|at| found(index, words, at.as_ref())))
        .collect();
    let scores: Vec<_> = questions.map(|words| index.found(words, None, 10)).into();
    let meanings: Vec<_> =
        (0..6).map(|issue| index.meaning(IssueId(issue), SAME, RELATED, 10)).collect();
    let near = index.neighbours(&at(30), RELATED, 10);
    (index.len(), found, scores, meanings, near, index.candidates(&at(60), 10))
}

/// Returns the issues whose pairs are alike enough on average, by comparing all of them.
fn similar_by_definition(
    parts: &BTreeSet<Part>,
    vectors: &BTreeMap<u128, Embedding>,
    issue: u128,
) -> Vec<(u128, i32)> {
    let of = |issue: u128| {
        let own = parts.iter().filter(move |part| part.issue.0 == issue);
        own.filter_map(|part| vectors.get(&part.embedded?.0)).collect::<Vec<_>>()
    };
    let all: BTreeSet<u128> = parts.iter().map(|part| part.issue.0).collect();
    let similar = all.into_iter().filter(|other| *other != issue).filter_map(|other| {
        let (own, theirs) = (of(issue), of(other));
        let pairs = own.iter().flat_map(|one| theirs.iter().map(|two| one.similarity(two)));
        let pairs: Vec<i64> = pairs.flatten().map(|pair| i64::from(pair.millionths())).collect();
        let average = pairs.iter().sum::<i64>().checked_div(pairs.len() as i64)? as i32;
        (average >= RELATED.millionths()).then_some((other, average))
    });
    let mut similar: Vec<(u128, i32)> = similar.collect();
    similar.sort_by_key(|(other, average)| (-average, *other));
    similar
}

fn cases() -> ProptestConfig {
    let asked = std::env::var("SEISMOLOG_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig::with_cases(asked.unwrap_or(200))
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn oracle_an_index_answers_as_one_built_of_what_is_there(
        changes in prop::collection::vec(any_change(), 0..60),
        vectors_first in any::<bool>(),
    ) {
        let mut index = Index::default();
        let (mut parts, mut vectors) = (BTreeSet::new(), BTreeMap::new());
        for change in changes {
            match change {
                Change::Part(part, comes) => {
                    index.apply_part(&part, comes);
                    let _there = if comes { parts.insert(part) } else { parts.remove(&part) };
                }
                Change::Vector(text, degrees) => {
                    index.add_vector(TextId(text), at(degrees));
                    vectors.insert(text, at(degrees));
                }
            }
        }
        let mut fresh = Index::default();
        let add_vectors = |fresh: &mut Index| {
            vectors.iter().for_each(|(text, at)| fresh.add_vector(TextId(*text), at.clone()));
        };
        if vectors_first {
            add_vectors(&mut fresh);
        }
        parts.iter().rev().for_each(|part| fresh.apply_part(part, true));
        if !vectors_first {
            add_vectors(&mut fresh);
        }
        prop_assert_eq!(answers(&index), answers(&fresh));
        for issue in 0..6 {
            let said = index.meaning(IssueId(issue), SAME, RELATED, 10);
            let similar: Vec<(u128, i32)> = said
                .map(|meaning| meaning.similar)
                .unwrap_or_default()
                .into_iter()
                .map(|one| (one.issue.0, one.similarity.millionths()))
                .collect();
            let mut expected = similar_by_definition(&parts, &vectors, issue);
            expected.truncate(10);
            prop_assert_eq!(similar, expected);
        }
    }
}
