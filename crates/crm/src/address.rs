//! Addresses: the same five fields wherever something has a place.

/// The fields of an address, to stand in a description.
macro_rules! fields {
    () => {
        [
            kith_records::folded!(Text, "address.street", "address_street")
                .found_by(kith_records::FoundBy::Body)
                .aliases(&["street", "address", "address1", "addressline1"]),
            kith_records::folded!(Text, "address.city", "address_city")
                .found_by(kith_records::FoundBy::Body)
                .aliases(&["city", "town"]),
            kith_records::folded!(Text, "address.state", "address_state")
                .aliases(&["state", "region", "province"]),
            kith_records::folded!(Text, "address.postalCode", "address_postal_code").aliases(&[
                "zip",
                "zipcode",
                "postalcode",
                "postcode",
            ]),
            kith_records::folded!(Text, "address.country", "address_country")
                .aliases(&["country", "officelocation"]),
        ]
    };
}
pub(crate) use fields;
