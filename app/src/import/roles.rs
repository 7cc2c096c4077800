//! First guesses of roles: from names, and from content once all files are open. What the user chose stays.

use super::{Check, Item, Plan, Role};
use imaging::conform::agree;
use imaging::io::pairing;
use imaging::io::pairing::guess_roles;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// At most this many files are read for their values: more would keep the user waiting for minutes.
const MOST_READ: usize = 16;

/// A file with at most this many whole values above 0 is taken for labels when its name says nothing.
const FEW_VALUES: usize = 64;

/// Roles and pairs of all items by their names.
pub fn by_name(plan: &mut Plan) {
    let count = plan.items.len();
    let mut paths: Vec<PathBuf> = plan.items.iter().map(|item| item.path.clone()).collect();
    // Last, so that a new scan becomes the next target, and labels of the present one are known for what they are.
    paths.extend(plan.present_target.iter().map(|scan| scan.path.clone()));
    let places: HashMap<&Path, usize> =
        paths.iter().enumerate().map(|(i, path)| (path.as_path(), i)).collect();
    for (index, guess) in guess_roles(&paths).into_iter().take(count).enumerate() {
        let partner = guess.partner.and_then(|partner| places.get(partner.as_path()).copied());
        let item = &mut plan.items[index];
        if item.chosen || matches!(item.check, Check::NotAnImage) {
            continue;
        }
        item.why = None;
        item.role = match guess.role {
            pairing::Role::Target => Role::Target,
            pairing::Role::ExampleImage => Role::Example,
            pairing::Role::ExampleLabel if partner == Some(count) => Role::Truth,
            pairing::Role::ExampleLabel => Role::Label,
            pairing::Role::GroundTruth => Role::Truth,
            pairing::Role::Mask => Role::Mask,
            pairing::Role::Ignored { why } => {
                item.why = Some(why);
                Role::Ignored
            }
        };
        item.partner = partner.filter(|_| item.role == Role::Example);
    }
    for index in 0..count {
        let taken = |partner: usize| plan.items[partner].role != Role::Label;
        if plan.items[index].partner.is_some_and(taken) {
            plan.items[index].partner = None;
        }
    }
    // The user's target stays the only one.
    if plan.items.iter().any(|item| item.chosen && item.role == Role::Target) {
        let guessed = |item: &&mut Item| item.role == Role::Target && !item.chosen;
        plan.items.iter_mut().filter(guessed).for_each(|item| item.role = Role::Ignored);
    }
}

/// Files that only their values could tell apart, and that nobody has read yet; none where they are too many to read.
pub fn unclear(plan: &Plan) -> Vec<usize> {
    let unread =
        |i: &usize| bare(plan, *i) && plan.items[*i].image().is_some_and(|probe| probe.values.is_none());
    let unclear: Vec<usize> = (0..plan.items.len()).filter(unread).collect();
    if unclear.len() > MOST_READ { Vec::new() } else { unclear }
}

/// Whether nothing but its content can say what an image is for.
fn bare(plan: &Plan, index: usize) -> bool {
    let item = &plan.items[index];
    let open = matches!(item.role, Role::Target | Role::Ignored | Role::Example);
    open && item.partner.is_none() && !item.chosen && item.image().is_some()
}

/// Images of few whole values that no name marks are label maps; each goes to the bare image that it lies on, and
/// the first bare image that is left is the target.
pub fn by_content(plan: &mut Plan) {
    let indices = 0..plan.items.len();
    let labels: Vec<usize> =
        indices.clone().filter(|&i| bare(plan, i) && few_values(&plan.items[i])).collect();
    for &label in &labels {
        plan.set_role(label, Role::Label);
        let Some(grid) = plan.items[label].image().map(|probe| probe.grid) else { continue };
        let under = |i: &usize| {
            let lies_on = |item: &Item| item.image().is_some_and(|image| agree(&image.grid, &grid));
            bare(plan, *i) && lies_on(&plan.items[*i])
        };
        // Rather an image without a role than the target.
        let image = indices.clone().filter(under).min_by_key(|&i| plan.items[i].role == Role::Target);
        if let Some(image) = image {
            plan.set_role(image, Role::Example);
            plan.set_partner(image, Some(label));
        } else if plan.present_target.as_ref().is_some_and(|target| agree(&target.volume.grid, &grid)) {
            plan.set_role(label, Role::Mask);
        }
    }
    if !labels.is_empty() && plan.target_index().is_none() && plan.present_target.is_none() {
        let left = indices.clone().find(|&i| bare(plan, i));
        left.into_iter().for_each(|image| plan.set_role(image, Role::Target));
    }
}

fn few_values(item: &Item) -> bool {
    let values = item.image().and_then(|probe| probe.values.as_ref());
    values.is_some_and(|values| (1..=FEW_VALUES).contains(&values.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(paths: &[&str]) -> Plan {
        let mut plan = Plan::new(None);
        plan.items.extend(paths.iter().map(|path| Item::new(path.into())));
        by_name(&mut plan);
        plan
    }

    fn roles(plan: &Plan) -> Vec<(Role, Option<usize>)> {
        plan.items.iter().map(|item| (item.role, item.partner)).collect()
    }

    #[test]
    fn a_drop_is_sorted_into_target_truth_and_examples() {
        let plan = plan(&[
            "a/sub-1_T1.nii.gz",
            "a/sub-1_manual.nii.gz",
            "a/sub-2_T1.nii",
            "a/sub-2_aseg.nii.gz",
            "n.docx",
        ]);
        let expected = [
            (Role::Example, Some(1)),
            (Role::Label, None),
            (Role::Example, Some(3)),
            (Role::Label, None),
            (Role::Ignored, None),
        ];
        assert_eq!(roles(&plan), expected);
    }

    #[test]
    fn what_the_user_chose_stays_when_more_files_arrive() {
        let mut plan = plan(&["a.nii", "b.nii", "b_seg.nii"]);
        assert_eq!(roles(&plan), [(Role::Target, None), (Role::Example, Some(2)), (Role::Label, None)]);
        plan.set_role(1, Role::Target);
        plan.items[1].chosen = true;
        plan.items.push(Item::new("a_seg.nii".into()));
        by_name(&mut plan);
        assert_eq!(plan.items[1].role, Role::Target);
        assert_eq!((plan.items[0].role, plan.items[0].partner), (Role::Example, Some(3)));
    }
}
