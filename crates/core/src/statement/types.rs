//! Which types of statement there are: for each `typ` who signs it, and whether its payload is read yet.

use crate::statement::error::HeaderMember;

/// What the payload is, as `typ` says (RFC 7515 §4.1.9). Only the types that are read have a value of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StatementType {
    /// `epcis+jws`: an EPCISDocument, signed by a participant.
    Epcis,
    /// `sealane-admin+jws`: a decision about the consortium, signed by a member.
    Admin,
}

/// Who signs a type of statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignedBy {
    /// A participant, named by its certificate in `x5t#S256`.
    Participant,
    /// A member, named by its key in `kid`.
    Member,
    /// An owner of goods, who need not be registered. How the header names its key comes with the type.
    Owner,
}

/// A type of statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TypeRow {
    pub typ: &'static str,
    pub signed_by: SignedBy,
    /// The reader that takes the payload; `None` for a type that is reserved.
    pub read_as: Option<StatementType>,
}

/// Every type of statement. Any other `typ` is no type of Sealane's; a reserved one is refused by its name.
pub const TYPES: [TypeRow; 9] = [
    TypeRow { typ: "epcis+jws", signed_by: SignedBy::Participant, read_as: Some(StatementType::Epcis) },
    TypeRow { typ: "sealane-admin+jws", signed_by: SignedBy::Member, read_as: Some(StatementType::Admin) },
    TypeRow { typ: "epcis+sd-jwt", signed_by: SignedBy::Participant, read_as: None },
    TypeRow { typ: "sealane-key+jws", signed_by: SignedBy::Participant, read_as: None },
    TypeRow { typ: "sealane-mandate+jws", signed_by: SignedBy::Participant, read_as: None },
    TypeRow { typ: "sealane-erasure+jws", signed_by: SignedBy::Participant, read_as: None },
    TypeRow { typ: "sealane-owner+jws", signed_by: SignedBy::Owner, read_as: None },
    TypeRow { typ: "sealane-document+jws", signed_by: SignedBy::Participant, read_as: None },
    TypeRow { typ: "sealane-contract+jws", signed_by: SignedBy::Participant, read_as: None },
];

impl TypeRow {
    /// Finds the type that a header's `typ` names.
    pub fn find(typ: &str) -> Option<Self> {
        TYPES.into_iter().find(|row| row.typ == typ)
    }
}

impl StatementType {
    pub const fn as_str(self) -> &'static str {
        self.row().typ
    }

    /// The member of the header that names the signer.
    pub(super) const fn signer_member(self) -> HeaderMember {
        match self.row().signed_by {
            SignedBy::Participant | SignedBy::Owner => HeaderMember::X5tS256,
            SignedBy::Member => HeaderMember::Kid,
        }
    }

    const fn row(self) -> TypeRow {
        match self {
            Self::Epcis => TYPES[0],
            Self::Admin => TYPES[1],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_stands_once_and_each_that_is_read_is_its_own_rows() {
        for (at, row) in TYPES.into_iter().enumerate() {
            assert_eq!(TypeRow::find(row.typ), Some(row));
            assert!(
                TYPES[..at]
                    .iter()
                    .all(|other| other.typ != row.typ && row.read_as.is_none_or(|_| other.read_as != row.read_as))
            );
            if let Some(read) = row.read_as {
                assert_eq!((read.as_str(), read.row()), (row.typ, row));
            }
        }
        for typ in ["", "JWT", "EPCIS+JWS", "epcis+jws ", "application/epcis+jws", "sealane-admin"] {
            assert_eq!(TypeRow::find(typ), None, "{typ}");
        }
    }

    #[test]
    fn captures_name_a_certificate_and_admin_statements_a_member() {
        assert_eq!(StatementType::Epcis.signer_member(), HeaderMember::X5tS256);
        assert_eq!(StatementType::Admin.signer_member(), HeaderMember::Kid);
    }
}
