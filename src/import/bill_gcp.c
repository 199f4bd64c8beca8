/* Google Cloud's billing export, as CSV and as JSON lines
 * (cloud.google.com/billing/docs/how-to/export-data-bigquery-tables). Headings are the paths of fields in
 * JSON lines, too. */
#include "import/bill.h"

static const char *const signatures[][JB_BILL_SIGNATURE_CEILING] = {
    {"service.description", "sku.description", "usage_start_time", "cost"}, {NULL}};

static const struct jb_bill_column columns[] = {
    {JB_BILL_START, "usage_start_time"},
    {JB_BILL_END, "usage_end_time"},
    {JB_BILL_PERIOD, "invoice.month"},
    {JB_BILL_PAYER, "billing_account_id"},
    {JB_BILL_ACCOUNT, "project.id"},
    {JB_BILL_REGION, "location.region"},
    {JB_BILL_REGION, "location.location"},
    {JB_BILL_SERVICE, "service.description"},
    {JB_BILL_ITEM, "sku.description"},
    {JB_BILL_MACHINE, "system_labels"},
    {JB_BILL_CAPACITY, "system_labels"},
    {JB_BILL_UNIT, "usage.pricing_unit"},
    {JB_BILL_UNIT, "usage.unit"},
    {JB_BILL_CHARGE, "cost_type"},
    {JB_BILL_CURRENCY, "currency"},
    {JB_BILL_QUANTITY, "usage.amount_in_pricing_units"},
    {JB_BILL_QUANTITY, "usage.amount"},
    {JB_BILL_COST, "cost"},
    {JB_BILL_CREDITS, "credits.amount"},
    {JB_BILL_CREDITS, "credits"},
    {JB_BILL_TAGS, "labels"},
    {JB_BILL_START, NULL},
};

/* Discounts for committed use come as credits of the rows that were used; the commitment has SKUs of its own.
 * Capacity that was reserved and not used has the SKUs of use, and a label of the system: it stood idle. */
static const struct jb_bill_charge charges[] = {
    {.charge = "tax", .kind = JB_BILL_TAX},
    {.charge = "adjustment", .kind = JB_BILL_ADJUSTMENT},
    {.charge = "rounding_error", .kind = JB_BILL_ADJUSTMENT},
    {.item = "commitment*", .kind = JB_BILL_PURCHASE},
    {.item = "*reservation commitment*", .kind = JB_BILL_PURCHASE},
    {.service = "support", .kind = JB_BILL_SUPPORT},
    {.service = "*customer care*", .kind = JB_BILL_SUPPORT},
    {.charge = "regular", .kind = JB_BILL_USAGE},
    {.charge = "", .kind = JB_BILL_USAGE},
    {.kind = JB_BILL_UNKNOWN},
};

const struct jb_bill_format jb_bill_gcp = {
    .name = "gcp",
    .summary = "Google Cloud billing export, CSV and JSON lines",
    .provider = "gcp",
    .signatures = signatures,
    .columns = columns,
    .charges = charges,
    .tag_prefix = "labels.",
    .is_paired = true,
    .currency = "",
    .unit = "",
};
