use proptest::prelude::*;

use super::*;

prop_compose! {
    fn rules()(
        counts in prop::array::uniform6(0u32..6),
        within in prop::option::of((1u64..400 * 86_400).prop_map(Duration::from_secs)),
    ) -> RetentionRules {
        let [last, hourly, daily, weekly, monthly, yearly] = counts;
        RetentionRules { last, hourly, daily, weekly, monthly, yearly, within }
    }
}

fn policy() -> impl Strategy<Value = RetentionPolicy> {
    rules().prop_filter_map("keeps nothing", |rules| RetentionPolicy::new(rules).ok())
}

/// Backups dense enough to share an hour and sparse enough to span years, some after `now`, some twice.
fn stamps() -> impl Strategy<Value = Vec<Stamp>> {
    let second = prop_oneof![-7_200..7_200i64, -10 * 86_400..86_400i64, -900 * 86_400..40 * 86_400i64];
    prop::collection::vec(second.prop_map(|s| Stamp::new(Timestamp::from_second(BASE + s).unwrap())), 0..40)
}

fn now() -> Timestamp {
    Timestamp::from_second(BASE).unwrap()
}

fn is_future(stamp: &Stamp) -> bool {
    stamp.timestamp() > now().checked_add(FUTURE_TOLERANCE).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_newest_is_always_kept(policy in policy(), stamps in stamps(), tz in zones()) {
        let plan = policy.plan(&goods(&stamps), now(), &tz);
        if let Some(newest) = stamps.iter().filter(|stamp| !is_future(stamp)).max() {
            prop_assert!(plan.kept().any(|kept| kept == *newest));
        }
    }

    #[test]
    fn never_fewer_than_the_floor(policy in policy(), stamps in stamps(), tz in zones()) {
        let plan = policy.plan(&goods(&stamps), now(), &tz);
        let real: BTreeSet<Stamp> = stamps.iter().copied().filter(|stamp| !is_future(stamp)).collect();
        let floor = usize::try_from(policy.rules().last.max(1)).unwrap().min(real.len());
        prop_assert!(plan.kept().filter(|stamp| real.contains(stamp)).count() >= floor);
    }

    #[test]
    fn the_future_is_kept_and_changes_nothing(policy in policy(), stamps in stamps(), tz in zones()) {
        let plan = policy.plan(&goods(&stamps), now(), &tz);
        let (future, real): (Vec<Stamp>, Vec<Stamp>) = stamps.iter().partition(|stamp| is_future(stamp));
        prop_assert!(future.iter().all(|stamp| plan.kept().any(|kept| kept == *stamp)));
        let without: Vec<Decision> = policy.plan(&goods(&real), now(), &tz).decisions;
        let with: Vec<Decision> = plan.decisions.into_iter().filter(|d| !is_future(&d.stamp)).collect();
        prop_assert_eq!(with, without);
    }

    #[test]
    fn a_second_plan_deletes_nothing_more(policy in policy(), stamps in stamps(), tz in zones()) {
        let kept: Vec<Stamp> = policy.plan(&goods(&stamps), now(), &tz).kept().collect();
        prop_assert_eq!(policy.plan(&goods(&kept), now(), &tz).deleted().next(), None);
    }

    #[test]
    fn order_and_repetition_do_not_matter(
        policy in policy(), tz in zones(),
        (stamps, shuffled) in stamps().prop_flat_map(|s| {
            let twice = [s.clone(), s.clone()].concat();
            (Just(s), Just(twice).prop_shuffle())
        }),
    ) {
        prop_assert_eq!(policy.plan(&goods(&stamps), now(), &tz), policy.plan(&goods(&shuffled), now(), &tz));
    }

    #[test]
    fn every_backup_is_decided_once_newest_first(policy in policy(), stamps in stamps(), tz in zones()) {
        let decided: Vec<Stamp> = policy.plan(&goods(&stamps), now(), &tz).decisions.iter().map(|d| d.stamp).collect();
        let expected: Vec<Stamp> = stamps.iter().copied().collect::<BTreeSet<_>>().into_iter().rev().collect();
        prop_assert_eq!(decided, expected);
    }

    #[test]
    fn a_bigger_policy_keeps_a_superset(
        policy in policy(), more in rules(), stamps in stamps(), tz in zones(),
    ) {
        let rules = policy.rules();
        let bigger = RetentionPolicy::new(RetentionRules {
            last: rules.last + more.last,
            hourly: rules.hourly + more.hourly,
            daily: rules.daily + more.daily,
            weekly: rules.weekly + more.weekly,
            monthly: rules.monthly + more.monthly,
            yearly: rules.yearly + more.yearly,
            within: rules.within.max(more.within),
        }).unwrap();
        let kept: BTreeSet<Stamp> = bigger.plan(&goods(&stamps), now(), &tz).kept().collect();
        prop_assert!(policy.plan(&goods(&stamps), now(), &tz).kept().all(|stamp| kept.contains(&stamp)));
    }

    /// However many others there are, and whatever they are.
    #[test]
    fn no_other_backup_pushes_a_scheduled_one_out(
        policy in policy(), scheduled in stamps(), others in stamps(), tz in zones(), is_aside in any::<bool>(),
    ) {
        let alone = policy.plan(&goods(&scheduled), now(), &tz);
        let is_new = |stamp: &Stamp| !scheduled.contains(stamp);
        let others = others.into_iter().filter(is_new);
        let others = others.map(|stamp| if is_aside { aside(stamp) } else { of(Trigger::Manual, stamp) });
        let all = goods(&scheduled).into_iter().chain(others).collect::<Vec<_>>();
        let kept: BTreeSet<Stamp> = policy.plan(&all, now(), &tz).kept().collect();
        // The newest of them all is kept for that alone.
        let newest = KeepReason::Newest;
        for decision in alone.decisions.iter().filter(|decision| decision.reasons.iter().any(|reason| *reason != newest)) {
            prop_assert!(kept.contains(&decision.stamp), "{}", decision.stamp);
        }
    }

    /// A rule never keeps more than its count, so what is deleted is really due.
    #[test]
    fn each_rule_keeps_at_most_its_count(policy in policy(), stamps in stamps(), tz in zones()) {
        let rules = policy.rules();
        let plan = policy.plan(&goods(&stamps), now(), &tz);
        let reasons: Vec<&KeepReason> = plan.decisions.iter().flat_map(|decision| &decision.reasons).collect();
        for (period, count) in [
            (Period::Hour, rules.hourly), (Period::Day, rules.daily), (Period::Week, rules.weekly),
            (Period::Month, rules.monthly), (Period::Year, rules.yearly),
        ] {
            let kept = reasons.iter().filter(|reason| matches!(reason,
                KeepReason::Calendar { period: p, .. } | KeepReason::Oldest { period: p, .. } if *p == period));
            prop_assert!(kept.count() <= usize::try_from(count).unwrap());
        }
    }
}
