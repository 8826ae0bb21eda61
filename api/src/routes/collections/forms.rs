//! Bodies of lists.

use domain::{
    collection::{LIST_DESCRIPTION_MAX, LIST_NAME_MAX, LIST_NANOS_MAX},
    ids::NanoId,
};
use utoipa::ToSchema;

use crate::request::fields::{Fields, Input, line, list, paragraphs, parsed};

#[derive(ToSchema)]
pub struct NewList {
    #[schema(min_length = 1, max_length = 100, example = "Statistik I")]
    pub name: String,
    #[schema(required = false, max_length = 500)]
    pub description: Option<String>,
}

impl Input for NewList {
    fn read(fields: &mut Fields) -> Option<Self> {
        let name = fields.required("name", line(LIST_NAME_MAX));
        let description = fields.optional("description", paragraphs(LIST_DESCRIPTION_MAX));
        Some(Self { name: name?, description })
    }
}

/// Fields that are left out stay as they are.
#[derive(ToSchema)]
pub struct EditList {
    #[schema(required = false, min_length = 1, max_length = 100, example = "Statistik I")]
    pub name: Option<String>,
    #[schema(required = false, max_length = 500)]
    pub description: Option<String>,
}

impl Input for EditList {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self {
            name: fields.optional("name", line(LIST_NAME_MAX)),
            description: fields.optional("description", paragraphs(LIST_DESCRIPTION_MAX)),
        })
    }
}

#[derive(ToSchema)]
pub struct Arrangement {
    /// Everything that is to be on the list, in its order.
    #[schema(value_type = Vec<Uuid>, min_items = 1, max_items = 200, example = json!(["01930000-0000-7000-8000-000000000001"]))]
    pub nano_ids: Vec<NanoId>,
}

impl Input for Arrangement {
    fn read(fields: &mut Fields) -> Option<Self> {
        let id = parsed("01930000-0000-7000-8000-000000000001");
        Some(Self { nano_ids: fields.required("nano_ids", list(LIST_NANOS_MAX, id))? })
    }
}
