"""Numbers that are personal because of the word before them: `passport 12345678`, `tel 555 0123`.

The words are English, German, French, Spanish, Italian, Portuguese, Dutch, Polish, Swedish, Turkish, Russian, Arabic,
Hindi, Chinese, Japanese and Korean.
"""

from typing import NamedTuple

_FIRST_OF_INDIA = "\u0900"
_YEARS = r"(?:19|20)\d\d\W{1,3}(?:19|20)?\d\d(?!\d)"


class Named(NamedTuple):
    """Words that announce a number, separated by `|` as in a regular expression, and how that may be written."""

    kind: str
    words: str
    number: str


# Without it, "call of duty 2019 2020" would be a telephone number: only these may stand between word and number.
_BETWEEN = (
    r"(?:\W{0,2}\b(?:number|numbers|no|nr|num|nummer|numero|número|numéro|numer|id|code|is|me|us|him|her|at|on|to|my|"
    r"it's|ist|lautet|est|es|è|é|unter|au|al|sur|para|номер)\b|号码|号|番号|번호|は|是|为|는|은){0,3}[\W_]{0,3}"
)

NAMED = (
    Named(
        "phone",
        r"phone|telephone|cellphone|tel|call|dial|text|sms|mobile|cell|whatsapp|fax|telefon|telefonnummer|handynummer|handy|"
        r"rufnummer|anrufen|rufe|téléphone|telephone|appeler|appelle|appelez|portable|teléfono|telefono|móvil|celular|"
        r"llamar|llama|llame|cellulare|chiama|chiamare|telefone|ligar|ligue|telemóvel|telefoon|bellen|bel|zadzwoń|"
        r"ring|ringa|mobil|ara|телефон|тел|позвонить|позвони|هاتف|رقم|اتصل|फोन|नंबर|电话|电话号码|手机|手机号|打给|電話|携帯|전화|휴대폰",
        r"\(?\d\)?(?:[ ().-]{0,2}\d){6,14}",
    ),
    Named(
        "passport",
        r"passport|reisepass|passnummer|passeport|pasaporte|passaporto|passaporte|paspoort|paszport|pasaport|паспорт|"
        r"护照|護照|パスポート|旅券|여권",
        r"(?:(?=(?:[a-z]*\d){5})[0-9a-z]{7,9}|[a-z]{1,2} \d{6,8}|\d\d \d\d \d{6})(?!\w)",
    ),
    Named(
        "account",
        r"account|acct|a/c|kontonummer|konto|kto|compte|cuenta|conto|conta|rekening|rekeningnummer|hesap|счет|счёт|"
        r"账号|帐号|账户|口座|계좌",
        r"\d(?:[ -]?\d){5,17}",
    ),
    Named(
        "national_id",
        r"ssn|itin|social security|social insurance|national insurance|nino|driver'?s? licen[cs]e|driving licen[cs]e|"
        r"tax file|tax id|taxpayer|steuernummer|steuer-?id|idnr|sozialversicherungsnummer|personalausweis|führerschein|"
        r"krankenversichertennummer|sécurité sociale|carte d'identité|dni|nif|nie|curp|rfc|nss|cpf|rg|codice fiscale|"
        r"carta d'identità|pesel|dowód|bsn|burgerservicenummer|cpr|personnummer|fødselsnummer|hetu|aadhaar|aadhar|"
        r"pan card|nric|tckn|tc kimlik|kimlik|снилс|инн|身份证|身分證|マイナンバー|個人番号|주민등록번호|주민번호",
        r"[a-z]{0,4} ?\d(?:[ ./-]?\d){4,14}(?:[ -]?[0-9a-z]{1,3})?(?!\w)",
    ),
)


def pattern(named: Named) -> str:
    """The regular expression of the number alone, in the dialect of the package `regex`."""
    # Scripts without blanks between words have none before these words either.
    words = named.words.split("|")
    after_a_blank = "|".join(word for word in words if word[0] < _FIRST_OF_INDIA)
    anywhere = "|".join(word for word in words if word[0] >= _FIRST_OF_INDIA)
    announced = rf"(?:(?<!\w)(?:{after_a_blank})\b" + (rf"|{anywhere})" if anywhere else ")")
    return rf"{announced}{_BETWEEN}\K(?<!\d)(?!{_YEARS}){named.number}(?!\d)"
