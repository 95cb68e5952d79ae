//! Products: what is sold.

use kith_records::{Field, FoundBy, Kind, Object, Plain, Routes, fields::plain, folded};

const OWN: [Field; 8] = [
    folded!(Text, "name", "name")
        .required()
        .found_by(FoundBy::Title)
        .aliases(&["product", "productname"]),
    folded!(Text, "code", "code")
        .found_by(FoundBy::Keyword)
        .about("The article number.")
        .aliases(&["sku", "articlenumber", "productcode"]),
    folded!(Text, "series", "series")
        .found_by(FoundBy::Body)
        .about("The family that it belongs to.")
        .aliases(&["family", "productline", "category"]),
    plain("price", "price", Kind::Money).aliases(&["salesprice", "unitprice", "listprice"]),
    plain("currency", "currency", Kind::Currency).about("Of price; the tenant's unless said."),
    plain("description", "description", Kind::LongText).found_by(FoundBy::Body),
    plain("isActive", "is_active", Kind::Bool).default("true").aliases(&["active"]),
    plain("labels", "labels", Kind::Labels).aliases(&["tags"]),
];

/// Something that is sold.
pub static PRODUCT: Object = Object {
    name: "product",
    plural: "products",
    shares: None,
    alias: None,
    about: "Something that is sold.",
    fields: &OWN,
    rules: &Plain,
    routes: Routes::All,
    matched_by: "name",
};
