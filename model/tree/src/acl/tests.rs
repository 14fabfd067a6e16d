use super::*;
use crate::who::Id;

fn acl(scheme: &str, id: &str) -> Acl {
    Acl {
        perms: ALL,
        scheme: scheme.into(),
        id: id.into(),
    }
}

fn formed(list: Vec<Acl>) -> Result<Vec<Acl>, Code> {
    well_formed(list, Who::NOBODY, true)
}

#[test]
fn malformed_lists_are_invalid_whatever_else_they_hold() {
    for bad in [
        acl("world", "bob"),
        acl("digest", "a"),
        acl("digest", "a:"),
        acl("digest", "a:b:c"),
        acl("digest", ":"),
        acl("ip", "1.2.3"),
        acl("ip", "1.2.3.4.5"),
        acl("ip", "1.2.3.256"),
        acl("ip", "1.2.3.4/33"),
        acl("ip", "1.2.3.4/-1"),
        acl("ip", "1.2.3.4/"),
        acl("ip", "::1/129"),
        acl("ip", "::g"),
        acl("x509", "nobody"),
        acl("x509", ""),
        acl("super", "x"),
        acl("sasl", "x"),
        acl("nope", "x"),
        acl("auth", ""),
        acl("", ""),
    ] {
        assert_eq!(formed(vec![bad.clone()]), Err(Code::INVALID_ACL), "{bad:?}");
        assert_eq!(formed(vec![acl("digest", "a:b"), bad]), Err(Code::INVALID_ACL));
    }
    assert_eq!(formed(Vec::new()), Err(Code::INVALID_ACL));
}

#[test]
fn well_formed_lists_stay_as_they_are() {
    let list: Vec<_> = [
        ("digest", "a:b"),
        ("digest", ":b"),
        ("digest", "a:b:"),
        ("world", "anyone"),
        ("ip", "10.0.0.0/8"),
        ("ip", "010.0.0.1"),
        ("ip", "::1"),
        ("ip", "fe80::/10"),
        ("x509", "CN=one,OU=two"),
    ]
    .map(|(scheme, id)| acl(scheme, id))
    .into();
    assert_eq!(formed(list.clone()), Ok(list.clone()));
    assert_eq!(
        formed([list.clone(), list.clone()].concat()),
        Ok(list),
        "duplicates go"
    );
    assert_eq!(
        well_formed(vec![acl("x509", "CN=one")], Who::NOBODY, false),
        Err(Code::INVALID_ACL),
        "where nobody proves to be it"
    );
}

#[test]
fn auth_is_whatever_the_asker_has_proven_but_his_address() {
    let who = Who::new(
        [
            ("ip", "1.2.3.4"),
            ("digest", "bob:hash"),
            ("super", ""),
            ("x509", "CN=bob"),
        ]
        .map(|(scheme, id)| Id::new(scheme, id))
        .into(),
    );
    let list = vec![acl("auth", "whatever"), acl("world", "anyone")];
    assert_eq!(
        well_formed(list, &who, false),
        Ok(vec![
            acl("digest", "bob:hash"),
            acl("x509", "CN=bob"),
            acl("world", "anyone")
        ])
    );
    let address = Who::new(vec![Id::new("ip", "1.2.3.4")]);
    assert_eq!(
        well_formed(vec![acl("auth", "")], &address, false),
        Err(Code::INVALID_ACL)
    );
}

#[test]
fn a_list_lives_as_long_as_its_last_use() {
    let mut table = AclTable::new();
    let first = table.intern(&read_only());
    assert_eq!(table.intern(&read_only()), first);
    let other = table.intern(&nothing());
    table.release(first);
    assert_eq!(table.iter().count(), 2);
    table.release(first);
    assert_eq!(
        table.iter().collect::<Vec<_>>(),
        [(other.on_disk(), &nothing()[..])]
    );
    assert_eq!(table.intern(&[acl("x", "y")]), first, "the number is free again");
    assert_ne!(
        table.intern(&read_only()),
        first,
        "a list that went is a new one when it comes back"
    );
}
