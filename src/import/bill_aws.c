/* AWS Cost and Usage Reports: the legacy one (lineItem/UsageAmount) and CUR 2.0 (line_item_usage_amount),
 * whose columns have the same letters (docs.aws.amazon.com/cur/latest/userguide, "Data dictionary"). */
#include "import/bill.h"

static const char *const signatures[][JB_BILL_SIGNATURE_CEILING] = {
    {"lineItem/LineItemType", "lineItem/UsageAmount", "lineItem/UsageStartDate"}, {NULL}};

static const struct jb_bill_column columns[] = {
    {JB_BILL_START, "lineItem/UsageStartDate"},
    {JB_BILL_END, "lineItem/UsageEndDate"},
    {JB_BILL_PERIOD, "bill/BillingPeriodStartDate"},
    {JB_BILL_PAYER, "bill/PayerAccountId"},
    {JB_BILL_ACCOUNT, "lineItem/UsageAccountId"},
    {JB_BILL_REGION, "product/regionCode"},
    {JB_BILL_REGION, "product/region"},
    {JB_BILL_REGION, "product/location"},
    {JB_BILL_REGION, "lineItem/AvailabilityZone"},
    {JB_BILL_SERVICE, "lineItem/ProductCode"},
    {JB_BILL_ITEM, "lineItem/UsageType"},
    {JB_BILL_MACHINE, "product/instanceType"},
    {JB_BILL_MACHINE, "product"},
    {JB_BILL_UNIT, "pricing/unit"},
    {JB_BILL_CHARGE, "lineItem/LineItemType"},
    {JB_BILL_CAPACITY, "capacityReservation/capacityReservationStatus"}, /* CUR 2.0 */
    {JB_BILL_CURRENCY, "lineItem/CurrencyCode"},
    {JB_BILL_QUANTITY, "lineItem/UsageAmount"},
    {JB_BILL_COST, "lineItem/UnblendedCost"},
    {JB_BILL_TAGS, "resource_tags"},
    {JB_BILL_START, NULL},
};

/* What a reservation or a savings plan covers is a row of its own with the hours that were used; the fees
 * and the negation that undoes the list price of what a plan covers are money alone. RIFee has as quantity
 * the hours that were paid for, which DiscountedUsage has counted already. Rows of use that repeat other rows
 * (capacity reservations, hosts, pods) are told by their usage types: data/cloud/usage.csv. */
static const struct jb_bill_charge charges[] = {
    {.charge = "tax", .kind = JB_BILL_TAX},
    {.charge = "credit", .kind = JB_BILL_CREDIT},
    {.charge = "refund", .kind = JB_BILL_REFUND},
    {.charge = "*discount", .kind = JB_BILL_DISCOUNT},
    {.charge = "rifee", .kind = JB_BILL_PURCHASE},
    {.charge = "savingsplan*fee", .kind = JB_BILL_PURCHASE},
    {.charge = "savingsplannegation", .kind = JB_BILL_PURCHASE},
    {.charge = "fee", .service = "*support*", .kind = JB_BILL_SUPPORT},
    {.charge = "fee", .kind = JB_BILL_FEE},
    {.charge = "usage", .service = "*support*", .kind = JB_BILL_SUPPORT},
    {.charge = "usage", .kind = JB_BILL_USAGE},
    {.charge = "discountedusage", .kind = JB_BILL_USAGE},
    {.charge = "savingsplancoveredusage", .kind = JB_BILL_USAGE},
    {.kind = JB_BILL_UNKNOWN},
};

const struct jb_bill_format jb_bill_aws = {
    .name = "aws",
    .summary = "AWS Cost and Usage Report, legacy CSV and CUR 2.0",
    .provider = "aws",
    .signatures = signatures,
    .columns = columns,
    .charges = charges,
    .tag_prefix = "resourceTags/user:",
    .currency = "",
    .unit = "",
};
