//! Every application identifier of the GS1 General Specifications §3.2, grouped by the format of its value.
//!
//! What a value means is left out: countries, currencies, coordinates and coupons are checked as characters only,
//! since none of them is part of an id.

use super::ai::{Ai, AiPart, CharSet, PartRule};

pub(super) static TABLE: &[Ai] = &[
    // Keys and their qualifiers.
    fixed("00", &[n(18).with(&[PartRule::CheckDigit("SSCC")])]),
    fixed("01 02 03", &[GTIN]),
    ended("253", &[n(13).with(&[PartRule::CheckDigit("GDTI")]), x_to(17).opt()]),
    ended("255", &[n(13).with(&[PartRule::CheckDigit("GCN")]), n_to(12).opt()]),
    ended("401 7023", &[x_to(30).with(&[PartRule::CompanyPrefix])]),
    ended("402", &[n(17).with(&[PartRule::CheckDigit("GSIN")])]),
    fixed("410-417", &[n(13).with(&[PartRule::CheckDigit("GLN")])]),
    ended("8003", &[n(1).with(&[PartRule::Zero]), n(13).with(&[PartRule::CheckDigit("GRAI")]), x_to(16).opt()]),
    ended("8004", &[x_to(30).with(&[PartRule::CompanyPrefix])]),
    ended("8006 8026", &[GTIN, n(4).with(&[PartRule::PieceOfTotal])]),
    ended("8010", &[y_to(30).with(&[PartRule::CompanyPrefix])]),
    ended("8011", &[n_to(12).with(&[PartRule::NoLeadingZero])]),
    ended("8013", &[x_to(25).with(&[PartRule::CompanyPrefix, PartRule::CheckPair("GMN")])]),
    ended("8014", &[x_to(25).with(&[PartRule::CompanyPrefix, PartRule::NonDigit, PartRule::CheckPair("MUDI")])]),
    ended("8017 8018", &[n(18).with(&[PartRule::CheckDigit("GSRN")])]),
    ended("8019", &[n_to(10)]),
    ended("235", &[x_to(28)]),
    ended("7040", &[n(1), x(1), x(1), x(1)]),
    // Dates and times.
    fixed("11-13 15-17", &[n(6).with(&[PartRule::DateOrMonth])]),
    ended("4324 4325", &[n(6).with(&[PartRule::DateOrMonth]), n(4).with(&[PartRule::HourMinute])]),
    ended("4326 7006", &[DATE]),
    ended("7003", &[DATE, n(4).with(&[PartRule::HourMinute])]),
    ended("7007", &[DATE, DATE.opt()]),
    ended("7011", &[DATE, n(4).with(&[PartRule::HourMinute]).opt()]),
    ended("7250", &[n(8).with(&[PartRule::LongDate])]),
    ended("7251", &[n(8).with(&[PartRule::LongDate]), n(4).with(&[PartRule::HourMinute])]),
    ended("8008", &[DATE, n(2).with(&[PartRule::Hour]), SIXTIETH.opt(), SIXTIETH.opt()]),
    // Trade and logistic measures; the last digit is the number of decimals.
    fixed("3100-3105 3110-3115 3120-3125 3130-3135 3140-3145 3150-3155 3160-3165", &[n(6)]),
    fixed("3200-3205 3210-3215 3220-3225 3230-3235 3240-3245 3250-3255 3260-3265", &[n(6)]),
    fixed("3270-3275 3280-3285 3290-3295 3300-3305 3310-3315 3320-3325 3330-3335", &[n(6)]),
    fixed("3340-3345 3350-3355 3360-3365 3370-3375 3400-3405 3410-3415 3420-3425", &[n(6)]),
    fixed("3430-3435 3440-3445 3450-3455 3460-3465 3470-3475 3480-3485 3490-3495", &[n(6)]),
    fixed("3500-3505 3510-3515 3520-3525 3530-3535 3540-3545 3550-3555 3560-3565", &[n(6)]),
    fixed("3570-3575 3600-3605 3610-3615 3620-3625 3630-3635 3640-3645 3650-3655", &[n(6)]),
    fixed("3660-3665 3670-3675 3680-3685 3690-3695", &[n(6)]),
    // Counts, amounts and prices.
    ended("30 37", &[n_to(8)]),
    ended("3900-3909 3920-3929", &[n_to(15)]),
    ended("3910-3919 3930-3939", &[n(3), n_to(15)]),
    ended("3940-3943 8111", &[n(4)]),
    ended("3950-3955 8005", &[n(6)]),
    // Other numbers.
    fixed("20", &[n(2)]),
    ended("242", &[n_to(6)]),
    ended("422 424 426", &[n(3)]),
    ended("423 425", &[n(3), n(3).opt(), n(3).opt(), n(3).opt(), n(3).opt()]),
    ended("4309", &[n(10), n(10)]),
    ended("4321-4323 7252", &[n(1)]),
    ended("4330-4333", &[n(6), x(1).opt()]),
    ended("7001", &[n(13)]),
    ended("7004", &[n_to(4)]),
    ended("7241", &[n(2)]),
    ended("8001", &[n(4), n(5), n(3), n(1), n(1)]),
    ended("8040 8041", &[n(15)]),
    ended("8042", &[n(32)]),
    ended("8043", &[n(18), n_to(2).opt()]),
    // Other text.
    ended("10 21 22 243 254 420 4318 7020-7021 7022 710-717 7240 8002 8012", &[x_to(20)]),
    ended("240-241 250-251 400 403 4308 4319 7002 90", &[x_to(30)]),
    ended("421", &[n(3), x_to(9)]),
    ended("427 7008", &[x_to(3)]),
    ended("4300-4301 4310-4311 4320", &[x_to(35)]),
    ended("4302-4306 4312-4316 7257 8110 8112 8200", &[x_to(70)]),
    ended("4307 4317", &[x(2)]),
    ended("7005", &[x_to(12)]),
    ended("7009 7255", &[x_to(10)]),
    ended("7010", &[x_to(2)]),
    ended("7030-7039", &[n(3), x_to(27)]),
    ended("7041", &[x_to(4)]),
    ended("7230-7239", &[x(2), x_to(28)]),
    ended("7242 8020", &[x_to(25)]),
    ended("7253-7254 7259", &[x_to(40)]),
    ended("7256 91-99", &[x_to(90)]),
    ended("7258", &[x(3)]),
    ended("8007", &[x_to(34)]),
    ended("8009", &[x_to(50)]),
    ended("8030", &[part(CharSet::Base64Url, 1, 90)]),
];

const GTIN: AiPart = n(14).with(&[PartRule::CheckDigit("GTIN")]);
const DATE: AiPart = n(6).with(&[PartRule::Date]);
const SIXTIETH: AiPart = n(2).with(&[PartRule::Sixtieth]);

/// AIs whose length is predefined: no separator has to follow.
const fn fixed(codes: &'static str, parts: &'static [AiPart]) -> Ai {
    Ai { codes, predefined_length: true, parts }
}

/// AIs whose value ends at a separator or with the message, even where its length is fixed.
const fn ended(codes: &'static str, parts: &'static [AiPart]) -> Ai {
    Ai { codes, predefined_length: false, parts }
}

const fn n(len: usize) -> AiPart {
    part(CharSet::Digits, len, len)
}

const fn n_to(max: usize) -> AiPart {
    part(CharSet::Digits, 1, max)
}

const fn x(len: usize) -> AiPart {
    part(CharSet::Cset82, len, len)
}

const fn x_to(max: usize) -> AiPart {
    part(CharSet::Cset82, 1, max)
}

const fn y_to(max: usize) -> AiPart {
    part(CharSet::Cset39, 1, max)
}

const fn part(set: CharSet, min: usize, max: usize) -> AiPart {
    AiPart { set, min, max, optional: false, rules: &[] }
}

impl AiPart {
    const fn with(self, rules: &'static [PartRule]) -> Self {
        Self { rules, ..self }
    }

    const fn opt(self) -> Self {
        Self { optional: true, ..self }
    }
}
