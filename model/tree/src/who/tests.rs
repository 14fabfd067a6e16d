use super::*;

fn list(entries: &[(i32, &str, &str)]) -> AccessList {
    let entries: Vec<_> = entries
        .iter()
        .map(|&(perms, scheme, id)| Acl {
            perms,
            scheme: scheme.into(),
            id: id.into(),
        })
        .collect();
    AccessList::of(&entries)
}

fn who(ids: &[(&str, &str)]) -> Who {
    Who::new(ids.iter().map(|&(scheme, id)| Id::new(scheme, id)).collect())
}

fn may(who: &Who, access: Access, list: &AccessList) -> bool {
    who.may(access, list).is_ok()
}

#[test]
fn an_empty_list_and_anyone_are_for_everybody() {
    assert!(may(Who::NOBODY, Access::SetAcl, &list(&[])));
    let read = list(&[(READ, "world", "anyone")]);
    assert!(may(Who::NOBODY, Access::GetData, &read) && !may(Who::NOBODY, Access::SetData, &read));
    assert!(!may(&who(&[("world", "anyone")]), Access::SetData, &read));
}

#[test]
fn an_entry_is_for_whoever_it_means_and_for_what_it_says() {
    let bobs = list(&[(READ | CREATE, "digest", "bob:hash"), (WRITE, "x509", "CN=bob")]);
    let digest = who(&[("ip", "1.2.3.4"), ("digest", "bob:hash")]);
    assert!(may(&digest, Access::GetData, &bobs) && may(&digest, Access::CreateChild, &bobs));
    assert!(!may(&digest, Access::SetData, &bobs) && !may(&digest, Access::DeleteChild, &bobs));
    assert!(may(&who(&[("x509", "CN=bob")]), Access::SetData, &bobs));
    for other in [
        ("digest", "bob:other"),
        ("x509", "bob:hash"),
        ("digest", "CN=bob"),
        ("auth", "bob:hash"),
    ] {
        assert!(!may(&who(&[other]), Access::GetData, &bobs), "{other:?}");
    }
}

#[test]
fn the_superuser_may_everything_and_no_entry_makes_one() {
    let nobodys = list(&[(0, "digest", "bob:hash")]);
    assert!(may(&Who::superuser(), Access::SetAcl, &nobodys));
    assert_eq!(Who::superuser().may_everything(&nobodys), Ok(()));
    let supers = list(&[(ALL, "super", "")]);
    assert!(!may(&who(&[("digest", "bob:hash")]), Access::GetData, &supers));
}

#[test]
fn everything_takes_every_permission() {
    let bob = who(&[("digest", "bob:hash")]);
    assert_eq!(bob.may_everything(&list(&[(ALL, "digest", "bob:hash")])), Ok(()));
    for missing in [READ, WRITE, CREATE, DELETE, ADMIN] {
        let most = list(&[(ALL & !missing, "digest", "bob:hash")]);
        assert_eq!(bob.may_everything(&most), Err(Code::NO_AUTH));
    }
}

#[test]
fn addresses_are_compared_under_the_mask() {
    for (entry, address, meant) in [
        ("10.1.2.3", "10.1.2.3", true),
        ("10.1.2.3", "10.1.2.4", false),
        ("10.0.0.0/8", "10.255.0.1", true),
        ("10.0.0.0/8", "11.0.0.1", false),
        ("10.1.2.3/31", "10.1.2.2", true),
        ("0.0.0.0/0", "200.1.1.1", true),
        ("::/0", "200.1.1.1", false),
        ("0.0.0.0/0", "fe80::1", false),
        ("fe80::/10", "fe80::1", true),
        ("fe80::1/128", "fe80::2", false),
        ("::1", "0:0:0:0:0:0:0:1", true),
        ("::1", "unknown", false),
    ] {
        let entry = list(&[(READ, "ip", entry)]);
        assert_eq!(
            may(&who(&[("ip", address)]), Access::GetData, &entry),
            meant,
            "{entry:?} {address}"
        );
    }
}
