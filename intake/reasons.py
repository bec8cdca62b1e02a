"""Why a record is set aside: stable codes, and what to do about each."""

from typing import Final

_SENDER_FIX: Final = "Ask the sender to correct it and to send the payment again."

BREAKS_OFF: Final = frozenset(["file_truncated", "file_damaged"])
"""The reasons that say of a file that the rest of it is missing."""

WHAT_TO_DO: Final = {
    # The file as a whole
    "file_truncated": "The file ends too early. What came before is loaded; get the whole file and import it.",
    "file_damaged": "The compressed file is damaged. What came before is loaded; get the file again and import it.",
    "isa_missing": "Text that isn't X12 stands before the first ISA. Get the file again.",
    "isa_malformed": "The ISA segment doesn't name its delimiters. Ask the sender for the interchange again.",
    "segment_too_long": "A segment is longer than 16 KB. Get the file again; a segment terminator may be lost.",
    "segment_broken": "A segment breaks off in the middle of the file. Get the file again.",
    # Transactions
    "transaction_truncated": "The transaction has no SE. Get the whole file and import it.",
    "control_number": "SE02 isn't the number of ST02: two transactions may be mixed up. " + _SENDER_FIX,
    "segment_count": "SE01 isn't the number of segments: some may be lost. " + _SENDER_FIX,
    "not_835": "The transaction is of another kind. Nothing to do, unless a payment is missed.",
    "test_interchange": "The interchange is marked as a test (ISA15 = T). Ask for the production file.",
    "prenotification": "A test of a bank account (BPR01 = P), not a payment. Nothing to do.",
    "payment_missing": "The transaction has no BPR. " + _SENDER_FIX,
    "payment_repeated": "The transaction has several BPR. " + _SENDER_FIX,
    "payee_missing": "The transaction has no N1*PE. " + _SENDER_FIX,
    "payee_repeated": "The transaction has several N1*PE, so that it is unclear who was paid. " + _SENDER_FIX,
    # Number, method, amount, date
    "number_missing": "The payment has no number. " + _SENDER_FIX,
    "number_repeated": "The transaction has several TRN. " + _SENDER_FIX,
    "document_missing": "The payment has no number. " + _SENDER_FIX,
    "document_characters": "The number has other characters than letters and digits. " + _SENDER_FIX,
    "document_length": "The number has more than 50 characters. " + _SENDER_FIX,
    "document_np_alone": "The number starts with NP but no digits follow. " + _SENDER_FIX,
    "notice_without_np": "A non-payment notice whose number doesn't start with NP: nobody could register with it. " + _SENDER_FIX,
    "notice_with_amount": "A non-payment notice with an amount. " + _SENDER_FIX,
    "np_without_notice": "A payment whose number starts with NP, as only notices do. " + _SENDER_FIX,
    "method_unknown": "The method is none of CHK, ACH, FWT, BOP, NON. " + _SENDER_FIX,
    "amount_missing": "The payment has no amount. " + _SENDER_FIX,
    "amount_format": "The amount isn't dollars and cents. " + _SENDER_FIX,
    "amount_zero": "A payment of nothing proves nothing, as its amount is easy to guess. Nothing to do.",
    "amount_negative": "The amount is negative. " + _SENDER_FIX,
    "amount_debit": "Money was taken, not paid (BPR03 = D). Nothing to do.",
    "amount_too_large": "The amount is 1,000,000,000 dollars or more. " + _SENDER_FIX,
    "date_missing": "The date is missing. " + _SENDER_FIX,
    "date_impossible": "There is no such date, or it is written in another way. " + _SENDER_FIX,
    "status_unknown": "The status is none of issued, voided, reissued. Correct the register and import it again.",
    "replaces_itself": "The payment is said to replace itself. Correct the register and import it again.",
    # The payee
    "tin_missing": "The payee has no Tax ID. " + _SENDER_FIX,
    "tin_not_digits": "The Tax ID isn't digits. " + _SENDER_FIX,
    "tin_length": "The Tax ID doesn't have nine digits; a spreadsheet may have dropped leading zeros. " + _SENDER_FIX,
    "tin_impossible": "All digits of the Tax ID are the same. " + _SENDER_FIX,
    "tin_conflict": "Two different Tax IDs are given for the payee. " + _SENDER_FIX,
    "npi_missing": "The NPI is missing. " + _SENDER_FIX,
    "npi_not_digits": "The NPI isn't digits. " + _SENDER_FIX,
    "npi_length": "The NPI doesn't have ten digits. " + _SENDER_FIX,
    "npi_first_digit": "The NPI doesn't start with 1 or 2. " + _SENDER_FIX,
    "npi_check_digit": "The check digit of the NPI is wrong: a typing error. " + _SENDER_FIX,
    "entity_type_unknown": "The entity type is neither 1 nor 2. Get the file from NPPES again.",
    "vendor_missing": "The vendor number is missing. Correct the file and import it again.",
    "vendor_characters": "The vendor number has other characters than letters and digits. " + _SENDER_FIX,
    "vendor_length": "The vendor number has more than 15 characters. " + _SENDER_FIX,
    "vendor_conflict": "Two different vendor numbers are given for the payee. " + _SENDER_FIX,
    "name_missing": "The name is missing. Correct the file and import it again.",
    # Lines of CSV files
    "columns_missing": "The header isn't what was expected. Check the file.",
    "row_too_short": "The line has fewer columns than the header. Check for missing separators.",
    "row_too_long": "The line has more columns than the header. Check for a separator without quotes around it.",
    "row_malformed": "The line can't be read as CSV. Check its quotation marks: one isn't closed, isn't doubled inside quotes, or a line break stands inside a field.",
}  # fmt: skip
