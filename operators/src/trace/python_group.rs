//! Exception groups of Python: several exceptions that failed together, in no order that means
//! anything. The member with the smallest identity is the root, the types of the others follow in
//! alphabetical order, and what wraps them comes last.

use super::model::{CAUSES_MAX, Cause, Origin};
use super::python::Section;

/// Returns the chain of causes, root first.
pub(super) fn causes(sections: Vec<Section>) -> Vec<Cause> {
    if !sections.iter().any(|section| section.is_group) {
        return chain(sections);
    }
    let (mut members, mut wrappers): (Vec<Vec<Section>>, Vec<Section>) = (Vec::new(), Vec::new());
    let mut group_depth = usize::MAX;
    for section in sections {
        if section.is_group {
            group_depth = group_depth.min(section.depth);
            wrappers.push(section);
        } else if section.depth <= group_depth && group_depth != usize::MAX {
            // What was raised because of the group.
            wrappers.push(section);
        } else {
            match members.last_mut() {
                Some(member) if !section.begins_member => member.push(section),
                _ => members.push(vec![section]),
            }
        }
    }
    let mut members: Vec<Vec<Cause>> = members.into_iter().map(chain).collect();
    members.sort_by_cached_key(|member| member_key(member));
    let mut members = members.into_iter();
    let mut causes = members.next().unwrap_or_default();
    let mut others: Vec<Cause> =
        members.filter_map(|member| member.into_iter().next()).map(without_frames).collect();
    others.dedup_by(|left, right| left.kind == right.kind);
    others.retain(|other| causes.first().is_none_or(|root| root.kind != other.kind));
    others.truncate(CAUSES_MAX / 2);
    causes.truncate(CAUSES_MAX / 4);
    causes.extend(others);
    // Inner groups are printed after those that hold them.
    wrappers.sort_by_key(|section| std::cmp::Reverse(section.depth));
    causes.extend(wrappers.into_iter().map(|section| section.cause));
    causes
}

/// Returns the causes of sections that are printed root first; of too many those at the root.
fn chain(sections: Vec<Section>) -> Vec<Cause> {
    sections.into_iter().take(CAUSES_MAX).map(|section| section.cause).collect()
}

/// Returns what orders the members of a group: types, then functions.
fn member_key(member: &[Cause]) -> Vec<String> {
    let kinds = member.iter().map(|cause| cause.kind.clone());
    let frames = member.iter().flat_map(|cause| &cause.frames);
    let functions = frames.filter(|frame| frame.origin == Origin::App).take(CAUSES_MAX);
    kinds.chain(functions.map(|frame| frame.function.clone())).collect()
}

/// Returns a member that is not the root: only its type counts.
fn without_frames(cause: Cause) -> Cause {
    Cause { frames: Vec::new(), ..cause }
}
