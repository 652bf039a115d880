//! The names in a certificate of any key: for clients that show one.

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

/// Reads the common names and the alternative names of a certificate in DER: host names, addresses of mail, URIs. One that cannot
/// be read has none.
pub fn names_in_certificate(der: &[u8]) -> Vec<String> {
    let Ok((_, x509)) = X509Certificate::from_der(der) else { return Vec::new() };
    let common = x509.subject().iter_common_name().filter_map(|name| name.as_str().ok()).map(str::to_owned);
    let mut names: Vec<String> = common.collect();
    if let Ok(Some(alternative)) = x509.subject_alternative_name() {
        names.extend(alternative.value.general_names.iter().filter_map(|name| match name {
            GeneralName::DNSName(name) | GeneralName::RFC822Name(name) | GeneralName::URI(name) => {
                Some((*name).to_owned())
            }
            _ => None,
        }));
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_and_alternative_names_are_read() {
        let mut parameters = rcgen::CertificateParams::new(vec!["erp.example".to_owned()]).unwrap();
        parameters.distinguished_name = rcgen::DistinguishedName::new();
        parameters.distinguished_name.push(rcgen::DnType::CommonName, "erp");
        let made = parameters.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap();
        assert_eq!(names_in_certificate(made.der()), ["erp", "erp.example"]);
        assert!(names_in_certificate(b"no certificate").is_empty());
    }
}
