//! Forms with a file: read as they stream in.

use axum::http::header;
use kith_kernel::{Error, Result, malformed, too_large, unsupported};
use multer::{Field, Multipart};

use crate::Call;

/// Fields of a form other than the file may be this large.
const LARGEST_FIELD: usize = 64 * 1024;

/// A form on its way in, and how large its file may be.
pub struct Form {
    fields: Multipart<'static>,
    /// Bytes that its file may have.
    pub limit: usize,
}

impl Form {
    /// Begins to read the body of a call.
    ///
    /// # Errors
    /// `Unsupported` for a body that is no form.
    pub fn of(call: &mut Call) -> Result<Self> {
        let kind = call.header(&header::CONTENT_TYPE).unwrap_or_default().to_owned();
        let boundary = multer::parse_boundary(kind).map_err(|_| {
            unsupported("The body must be a form with a file (content-type: multipart/form-data).")
        })?;
        let (body, limit) = call.stream();
        Ok(Self { fields: Multipart::new(body.into_data_stream(), boundary), limit })
    }

    /// The next field, once the one before was read.
    pub async fn next(&mut self) -> Result<Option<Field<'static>>> {
        self.fields.next_field().await.map_err(|error| broken(&error))
    }

    /// The next bytes of a file of which so many came before.
    ///
    /// # Errors
    /// `TooLarge` where these are too many.
    pub async fn piece(
        &self,
        field: &mut Field<'static>,
        before: usize,
    ) -> Result<Option<bytes::Bytes>> {
        let limit = self.limit;
        match field.chunk().await.map_err(|error| broken(&error))? {
            Some(piece) if before.saturating_add(piece.len()) > limit => Err(too_large(format!(
                "The file is larger than the {limit} bytes that are accepted."
            ))),
            piece => Ok(piece),
        }
    }

    /// A field that is text.
    pub async fn text(mut field: Field<'static>) -> Result<String> {
        let mut bytes = Vec::new();
        while let Some(piece) = field.chunk().await.map_err(|error| broken(&error))? {
            bytes.extend_from_slice(&piece);
            if bytes.len() > LARGEST_FIELD {
                return Err(too_large(format!(
                    "A field of the form is larger than {LARGEST_FIELD} bytes."
                )));
            }
        }
        String::from_utf8(bytes).map_err(|_| malformed("A field of the form is not UTF-8."))
    }
}

fn broken(error: &multer::Error) -> Error {
    malformed(format!("The form cannot be read: {error}."))
}
