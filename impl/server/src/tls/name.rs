//! How is a certificate's subject written? As Java's `X500Principal.getName()` does, RFC 2253: access lists
//! hold it in this form.

use x509_parser::asn1_rs::{Any, Tag};
use x509_parser::x509::X509Name;

/// The attributes that have names in RFC 2253; others are written as numbers.
const KEYWORDS: [(&str, &str); 9] = [
    ("2.5.4.3", "CN"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.9", "STREET"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("0.9.2342.19200300.100.1.1", "UID"),
];

/// The name, its last part first.
pub(super) fn rfc_2253(name: &X509Name<'_>) -> String {
    let mut parts: Vec<String> = name
        .iter_rdn()
        .map(|part| {
            let pairs: Vec<_> = part
                .iter()
                .map(|pair| attribute(&pair.attr_type().to_id_string(), pair.attr_value()))
                .collect();
            pairs.join("+")
        })
        .collect();
    parts.reverse();
    parts.join(",")
}

fn attribute(oid: &str, value: &Any<'_>) -> String {
    let keyword = KEYWORDS
        .iter()
        .find(|(known, _)| *known == oid)
        .map(|(_, name)| *name);
    match (keyword, text(value)) {
        (Some(keyword), Some(text)) => format!("{keyword}={}", escaped(&text)),
        (keyword, _) => {
            let hex: String = der(value).iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{}=#{hex}", keyword.unwrap_or(oid))
        }
    }
}

/// The text of a value of which Java says that it is one.
fn text(value: &Any<'_>) -> Option<String> {
    // Java reads the bytes of all of them as UTF-8, whatever their type says.
    let is_text = matches!(
        value.tag(),
        Tag::PrintableString
            | Tag::Utf8String
            | Tag::Ia5String
            | Tag::GeneralString
            | Tag::T61String
            | Tag::BmpString
    );
    is_text.then(|| String::from_utf8_lossy(value.data).into_owned())
}

/// The value as it is encoded: certificates have the shortest lengths.
fn der(value: &Any<'_>) -> Vec<u8> {
    let (tag, data) = (value.tag().0 as u8, value.data);
    let length = data.len();
    let constructed = u8::from(value.header.is_constructed()) << 5;
    let mut bytes = vec![(value.class() as u8) << 6 | constructed | tag];
    if length < 128 {
        bytes.push(length as u8);
    } else {
        let wide = length.to_be_bytes();
        let significant = &wide[wide.iter().take_while(|&&byte| byte == 0).count()..];
        bytes.push(0x80 | significant.len() as u8);
        bytes.extend_from_slice(significant);
    }
    bytes.extend_from_slice(data);
    bytes
}

fn escaped(text: &str) -> String {
    let mut out = String::new();
    for letter in text.chars() {
        match letter {
            ',' | '=' | '+' | '<' | '>' | '#' | ';' | '"' | '\\' => {
                out.push('\\');
                out.push(letter);
            }
            '\0' => out.push_str("\\00"),
            _ => out.push(letter),
        }
    }
    let is_space = |letter: char| letter == ' ' || letter == '\r';
    let lead = out.chars().take_while(|&letter| is_space(letter)).count();
    let length = out.chars().count();
    let trail = out.chars().rev().take_while(|&letter| is_space(letter)).count();
    let mut spaced = String::new();
    for (at, letter) in out.chars().enumerate() {
        if at < lead || at >= length - trail {
            spaced.push('\\');
        }
        spaced.push(letter);
    }
    spaced
}

#[cfg(test)]
mod tests {
    use super::*;
    use x509_parser::prelude::FromDer;

    /// Names in DER, and what `new X500Principal(der).getName()` of a JDK 17 prints.
    const OF_JAVA: [(&str, &str); 11] = [
        (
            "3038310b300906035504061302444531163014060355040a0c0d51756f726174652c20496e632e3111300f06035504030c08636c69656e742031",
            r#"CN=client 1,O=Quorate\, Inc.,C=DE"#,
        ),
        (
            "304d31133011060a0992268993f22c64011916036f726731133011060a0992268993f22c6401010c03626f623121301f06035504030c185a6fc3ab203c7a40783e3b202271225c20613d622b632364",
            r#"CN=Zoë \<z@x\>\; \"q\"\\ a\=b\+c\#d,UID=bob,DC=org"#,
        ),
        (
            "302e311e301c06092a864886f70d010901160f626f62406578616d706c652e6f7267310c300a06035504030c03626f62",
            r#"CN=bob,1.2.840.113549.1.9.1=#160f626f62406578616d706c652e6f7267"#,
        ),
        (
            "3032310e300c060355040513053132333435310b3009060355040c0c0244723113301106035504030c0a20207061646465642020",
            r#"CN=\ \ padded\ \ ,2.5.4.12=#0c024472,2.5.4.5=#13053132333435"#,
        ),
        (
            "304531143008060355040b0c0161300806035504030c01623111300f06035504090c085374726565742031310b300906035504080c025354310d300b060355040714044bf66c6e",
            r#"L=K�ln,ST=ST,STREET=Street 1,OU=a+CN=b"#,
        ),
        (
            "30153113301106035504031e0a0062006d0070002000fc",
            r#"CN=\00b\00m\00p\00 \00�"#,
        ),
        (
            "302e310e300c06035504030c05236c65616431093007060355040b0c003111300f060355040a0c086e756c0062797465",
            r#"O=nul\00byte,OU=,CN=\#lead"#,
        ),
        ("300c310a30080603550403020105", r#"CN=#020105"#),
        (
            "3081d63181d33081d006035504050c81c87878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878",
            r#"2.5.4.5=#0c81c87878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878"#,
        ),
        ("3000", r#""#),
        (
            "302f310d300b06035504031c04000000753110300e060355040a1b0767656e6572616c310c300a060355040b0c03202020",
            r#"OU=\ \ \ ,O=general,CN=#1c0400000075"#,
        ),
    ];

    #[test]
    fn names_are_written_as_java_writes_them() {
        for (hex, expected) in OF_JAVA {
            let digits = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
            let bytes: Vec<u8> = (0..hex.len()).step_by(2).map(digits).collect();
            let (rest, name) = X509Name::from_der(&bytes).unwrap();
            assert_eq!((rest.len(), rfc_2253(&name).as_str()), (0, expected));
        }
    }
}
