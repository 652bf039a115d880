use super::*;

fn id(text: &str) -> Id {
    Id::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn kinds_and_parts_of_an_id() {
    use IdKind::*;
    for (text, kind, class) in [
        ("(01)09506000134352", Class, None),
        ("(01)09506000134352(22)2A", Class, None),
        ("(01)09506000134352(10)L7", Lot, Some("/01/09506000134352")),
        ("(01)09506000134352(21)A1", Item, Some("/01/09506000134352")),
        ("(01)09506000134352(235)T1", Item, Some("/01/09506000134352")),
        ("(8006)095060001343520102(21)A1", Piece, Some("/01/09506000134352")),
        ("(00)195060001343500016", LogisticUnit, None),
        ("(414)9506000134369(254)7", Location, None),
        ("(417)9506000134369", Party, None),
        ("(8003)09506000134352K1", ReturnableAsset, None),
        ("(8004)9506000A", IndividualAsset, None),
        ("(253)9506000134376D1", Document, None),
        ("(255)9506000134376", Coupon, None),
        ("(8018)950600013435000011(8019)7", ServiceRelation, None),
        ("(8010)9506000AB(8011)1", Component, None),
        ("(401)9506000C1", Consignment, None),
        ("(402)95060001343500019", Shipment, None),
        ("(415)9506000134369(8020)R1", PaymentSlip, None),
        ("(8013)1987654Ad4X4bL5ttr2310c2K", Model, None),
        ("https://shop.example/1", Other, None),
    ] {
        let id = id(text);
        assert_eq!(id.kind(), kind, "{text}");
        assert_eq!(id.class().as_ref().and_then(Id::path), class, "{text}");
        assert_eq!(id.is_gs1(), kind != Other);
    }
    let item = id("(01)09506000134352(21)A/1");
    assert_eq!(item.gs1_key(), Some("09506000134352"));
    assert_eq!(item.path(), Some("/01/09506000134352/21/A%2F1"));
    assert_eq!(item.element_string().as_deref(), Some("(01)09506000134352(21)A/1"));
    assert_eq!(item.gtin().map(|gtin| gtin.to_string()).as_deref(), Some("09506000134352"));
    assert_eq!(id("(8004)9506000A/B").gs1_key(), Some("9506000A/B"));
    let other = id("https://shop.example/1");
    assert_eq!((other.gs1_key(), other.path(), other.element_string(), other.gtin()), (None, None, None, None));
}

#[test]
fn stored_text_is_canonical() {
    let item = id("(01)09506000134352(21)A1");
    let json = serde_json::to_string(&item).unwrap();
    assert_eq!(json, "\"https://id.gs1.org/01/09506000134352/21/A1\"");
    assert_eq!(serde_json::from_str::<Id>(&json).unwrap(), item);
    let error = serde_json::from_str::<Id>("\"https://shop.example/01/09506000134352/21/A1\"").unwrap_err();
    assert!(error.to_string().contains("which is https://id.gs1.org/01/09506000134352/21/A1"), "{error}");
    assert!(serde_json::from_str::<Id>("\"(01)09506000134352\"").is_err());
}

#[test]
fn equal_ids_sort_and_hash_as_one() {
    let one = id("https://shop.example/01/9506000134352");
    let same = id("9506000134352");
    let other = id("https://shop.example/x");
    assert_eq!(one, same);
    assert_eq!(one.cmp(&same), Ordering::Equal);
    assert_eq!(std::collections::HashSet::from([one.clone(), same, other]).len(), 2);
    assert_eq!(format!("{one} {one:?} {}", one.as_ref()).matches("https://id.gs1.org/01/09506000134352").count(), 3);
}

#[test]
fn length_is_limited() {
    let at_limit = format!("https://shop.example/{}", "x".repeat(ID_CHARS_MAX - 21));
    assert_eq!(id(&at_limit).as_str(), at_limit);
    let error = Id::parse_uri(&format!("{at_limit}x")).unwrap_err();
    assert_eq!(error, IdError::TooLong { chars: ID_CHARS_MAX + 1, max: ID_CHARS_MAX });
    assert_eq!(Id::parse_uri(""), Err(IdError::Empty));
}
