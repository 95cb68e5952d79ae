//! Tables as data: every table of a tenant has the same key, and every link and index begins with the tenant.

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    Text,
    Integer,
    Number,
    Bool,
    Time,
    Date,
    Id,
    Json,
    Bytes,
}

/// A column of a table.
#[derive(Debug, Clone)]
pub struct ColumnSpec {
    pub(crate) name: &'static str,
    pub(crate) kind: Type,
    pub(crate) required: bool,
    pub(crate) default: Option<&'static str>,
    pub(crate) references: Option<&'static str>,
}

macro_rules! column {
    ($($(#[$doc:meta])* $name:ident => $kind:ident;)+) => {
        $($(#[$doc])*
        pub fn $name(name: &'static str) -> ColumnSpec {
            ColumnSpec { name, kind: Type::$kind, required: false, default: None, references: None }
        })+
    };
}

column! {
    /// Text, ordered by its bytes on both databases.
    text => Text;
    /// A whole number of 64 bits.
    integer => Integer;
    /// A double-precision number.
    number => Number;
    /// True or false.
    bool => Bool;
    /// An instant, in milliseconds.
    time => Time;
    /// A calendar day.
    date => Date;
    /// An id.
    id => Id;
    /// JSON.
    json => Json;
    /// Raw bytes.
    bytes => Bytes;
}

impl ColumnSpec {
    /// The column always has a value.
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// The value of rows that do not give one, as an SQL literal of both databases (`0`, `'open'`).
    pub fn default(mut self, literal: &'static str) -> Self {
        self.default = Some(literal);
        self
    }

    /// The id is one of another table: of the same tenant where that table has tenants.
    pub fn references(mut self, table: &'static str) -> Self {
        self.references = Some(table);
        self
    }
}

/// An index; of a tenant's table it begins with the tenant.
#[derive(Debug, Clone)]
pub(crate) struct Index {
    pub(crate) columns: &'static [&'static str],
    pub(crate) unique: bool,
    /// A condition that both databases understand, for a partial index.
    pub(crate) only: Option<&'static str>,
}

/// A table as a migration makes it.
#[expect(clippy::struct_excessive_bools, reason = "each is a property that a table has or not")]
#[derive(Debug, Clone)]
pub struct Table {
    pub(crate) name: &'static str,
    pub(crate) tenanted: bool,
    pub(crate) key: &'static [&'static str],
    pub(crate) columns: Vec<ColumnSpec>,
    pub(crate) indexes: Vec<Index>,
    pub(crate) append_only: bool,
    /// The column of an append-only table that may lose its value.
    pub(crate) erasable: Option<&'static str>,
    /// Narrow rows are kept in the key's own tree on SQLite.
    pub(crate) clustered: bool,
    /// Rows are no part of what a tenant takes along.
    pub(crate) stays: bool,
}

impl Table {
    /// A table whose rows belong to tenants, with the key `(tenant_id, id)`.
    pub fn of_tenant(name: &'static str, columns: Vec<ColumnSpec>) -> Self {
        let columns = [id("id").required()].into_iter().chain(columns).collect();
        Self::new(name, true, &["id"], columns)
    }

    /// A table whose rows belong to tenants, with a key of its own behind the tenant.
    pub fn of_tenant_keyed(
        name: &'static str,
        key: &'static [&'static str],
        columns: Vec<ColumnSpec>,
    ) -> Self {
        Self::new(name, true, key, columns)
    }

    /// A table of the installation, which belongs to no tenant.
    pub fn of_platform(
        name: &'static str,
        key: &'static [&'static str],
        columns: Vec<ColumnSpec>,
    ) -> Self {
        Self::new(name, false, key, columns)
    }

    fn new(
        name: &'static str,
        tenanted: bool,
        key: &'static [&'static str],
        columns: Vec<ColumnSpec>,
    ) -> Self {
        Self {
            name,
            tenanted,
            key,
            columns,
            indexes: Vec::new(),
            append_only: false,
            erasable: None,
            clustered: false,
            stays: false,
        }
    }

    /// An index over these columns, behind the tenant.
    pub fn index(mut self, columns: &'static [&'static str]) -> Self {
        self.indexes.push(Index { columns, unique: false, only: None });
        self
    }

    /// No two rows (of a tenant) have the same values in these columns.
    pub fn unique(mut self, columns: &'static [&'static str]) -> Self {
        self.indexes.push(Index { columns, unique: true, only: None });
        self
    }

    /// The same among the rows for which a condition holds.
    pub fn unique_where(mut self, columns: &'static [&'static str], only: &'static str) -> Self {
        self.indexes.push(Index { columns, unique: true, only: Some(only) });
        self
    }

    /// An index over the rows alone for which a condition holds: the others cost nothing.
    pub fn index_where(mut self, columns: &'static [&'static str], only: &'static str) -> Self {
        self.indexes.push(Index { columns, unique: false, only: Some(only) });
        self
    }

    /// Rows are added and never changed or deleted.
    pub fn append_only(mut self) -> Self {
        self.append_only = true;
        self
    }

    /// The one change that rows of an append-only table allow: this column loses its value, for good.
    pub fn erasable(mut self, column: &'static str) -> Self {
        self.erasable = Some(column);
        self
    }

    /// Rows are narrow and found by their key: SQLite keeps them in the key's own tree.
    pub fn clustered(mut self) -> Self {
        self.clustered = true;
        self
    }

    /// Rows are secrets, work under way, or made anew from others: a tenant that goes elsewhere leaves them behind.
    pub fn stays(mut self) -> Self {
        self.stays = true;
        self
    }

    /// The statements that make the table; what is peculiar to a database is in `types`.
    pub(crate) fn create(&self, types: &Types) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        if self.tenanted {
            lines.push(format!("tenant_id {} NOT NULL", (types.column)(Type::Id)));
        }
        lines.extend(self.columns.iter().map(|column| column.define(types)));
        lines.push(format!("PRIMARY KEY ({})", self.with_tenant(self.key)));
        for column in &self.columns {
            if let Some(other) = column.references {
                lines.push(self.foreign_key(column.name, other, types));
            }
        }
        let options = match (types.options, self.clustered) {
            ("", _) => String::new(),
            (options, true) => format!(" {options}, WITHOUT ROWID"),
            (options, false) => format!(" {options}"),
        };
        let mut all =
            vec![format!("CREATE TABLE {} (\n  {}\n){options}", self.name, lines.join(",\n  "))];
        all.extend(self.indexes.iter().map(|index| self.create_index(index)));
        all
    }

    fn foreign_key(&self, column: &str, other: &str, types: &Types) -> String {
        let both = self.tenanted && !types.platform_tables.contains(&other);
        if both {
            format!("FOREIGN KEY (tenant_id, {column}) REFERENCES {other} (tenant_id, id)")
        } else {
            format!("FOREIGN KEY ({column}) REFERENCES {other} (id)")
        }
    }

    pub(crate) fn create_index(&self, index: &Index) -> String {
        let unique = if index.unique { "UNIQUE " } else { "" };
        // The name tells which columns an index is over; PostgreSQL tells no more when a value is taken.
        let name = format!("{}__{}", self.name, index.columns.join("__"));
        let only = index.only.map(|only| format!(" WHERE {only}")).unwrap_or_default();
        let columns = self.with_tenant(index.columns);
        format!("CREATE {unique}INDEX {name} ON {} ({columns}){only}", self.name)
    }

    fn with_tenant(&self, columns: &[&str]) -> String {
        let tenant = if self.tenanted { "tenant_id, " } else { "" };
        format!("{tenant}{}", columns.join(", "))
    }
}

impl ColumnSpec {
    pub(crate) fn define(&self, types: &Types) -> String {
        let required = if self.required { " NOT NULL" } else { "" };
        let default = self.default.map(|literal| format!(" DEFAULT {literal}")).unwrap_or_default();
        format!("{} {}{required}{default}", self.name, (types.column)(self.kind))
    }
}

/// How one database spells types.
pub(crate) struct Types<'a> {
    pub(crate) column: fn(Type) -> &'static str,
    pub(crate) options: &'static str,
    pub(crate) platform_tables: &'a [&'static str],
}
