//! What the pages say, in the languages of the dashboard.

use axum::http::HeaderMap;
use axum::http::header::ACCEPT_LANGUAGE;
use axum_extra::extract::CookieJar;
use serde_json::{Map, Value};

/// What the dashboard keeps the chosen language in.
const COOKIE: &str = "backstay-language";
/// Texts of the script begin so.
const SCRIPT: &str = "script.";
/// Texts of problems on the way through a provider begin so.
const PROBLEM: &str = "problem.";

/// A language that the pages are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    English,
    German,
}

impl Language {
    /// The one that was chosen in the dashboard, or else the one that the browser likes best.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let jar = CookieJar::from_headers(headers);
        let chosen = jar.get(COOKIE).and_then(|cookie| Self::from_tag(cookie.value()));
        let liked = || {
            let lists = headers.get_all(ACCEPT_LANGUAGE).iter().filter_map(|value| value.to_str().ok());
            let mut liked: Vec<(Self, f32)> =
                lists.flat_map(|list| list.split(',')).filter_map(weighed).collect();
            liked.sort_by(|(_, one), (_, other)| other.total_cmp(one));
            liked.first().map(|(language, _)| *language)
        };
        chosen.or_else(liked).unwrap_or(Self::English)
    }

    fn from_tag(tag: &str) -> Option<Self> {
        let primary = tag.trim().split('-').next()?;
        match primary.to_ascii_lowercase().as_str() {
            "en" => Some(Self::English),
            "de" => Some(Self::German),
            _ => None,
        }
    }

    /// Its tag, as HTML wants it.
    pub(super) const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }

    /// A text by its name.
    pub(super) fn text(self, name: &str) -> Option<&'static str> {
        TEXTS.iter().find(|(known, ..)| *known == name).map(|(_, english, german)| match self {
            Self::English => *english,
            Self::German => *german,
        })
    }

    /// What is said for a word about a sign-in that failed on the way; nothing for words that are none of ours.
    pub(super) fn problem(self, word: &str) -> Option<&'static str> {
        self.text(&format!("{PROBLEM}{word}"))
    }

    /// The texts of the script, as JSON.
    pub(super) fn of_script(self) -> String {
        let own = TEXTS.iter().filter_map(|(name, ..)| name.strip_prefix(SCRIPT).zip(self.text(name)));
        let texts: Map<String, Value> = own.map(|(name, text)| (name.to_owned(), text.into())).collect();
        Value::from(texts).to_string()
    }
}

/// An entry of `Accept-Language`, if it is a language of ours and wanted at all.
fn weighed(entry: &str) -> Option<(Language, f32)> {
    let (tag, more) = entry.split_once(';').unwrap_or((entry, ""));
    let weight = more.trim().strip_prefix("q=").map_or(Some(1.0), |weight| weight.parse().ok())?;
    Language::from_tag(tag).map(|language| (language, weight)).filter(|_| weight > 0.0)
}

/// Each text: its name, English, German.
const TEXTS: &[(&str, &str, &str)] = &[
    ("sign_in", "Sign in", "Anmelden"),
    ("sign_in.title", "Sign in to Backstay", "Bei Backstay anmelden"),
    ("script_needed", "This page needs JavaScript.", "Diese Seite braucht JavaScript."),
    ("email", "E-mail address", "E-Mail-Adresse"),
    ("password", "Password", "Passwort"),
    ("code", "One-time code", "Einmalcode"),
    (
        "code.hint",
        "From your authenticator. A recovery code will do.",
        "Aus Ihrer Authenticator-App. Ein Wiederherstellungscode geht auch.",
    ),
    ("forgotten", "Forgot your password?", "Passwort vergessen?"),
    ("passkey", "Sign in with a passkey", "Mit einem Passkey anmelden"),
    ("provider", "Sign in with", "Anmelden mit"),
    ("setup", "Set up", "Einrichten"),
    ("setup.title", "Set up Backstay", "Backstay einrichten"),
    (
        "setup.intro",
        "Make the first account. It owns this server.",
        "Legen Sie das erste Konto an. Ihm gehört dieser Server.",
    ),
    ("setup.name", "Your name", "Ihr Name"),
    ("setup.email", "E-mail address, to sign in with", "E-Mail-Adresse, mit der Sie sich anmelden"),
    (
        "rule",
        "At least 12 characters. A few words that do not belong together are fine.",
        "Mindestens 12 Zeichen. Ein paar Wörter, die nicht zusammengehören, sind gut.",
    ),
    ("setup.make", "Make the account", "Konto anlegen"),
    ("reset", "New password", "Neues Passwort"),
    ("reset.title", "A new password", "Ein neues Passwort"),
    (
        "reset.intro",
        "If there is an account with this address, a link is mailed to it.",
        "Gibt es ein Konto mit dieser Adresse, wird ihr ein Link geschickt.",
    ),
    ("reset.send", "Send the link", "Link senden"),
    (
        "reset.no_mail",
        "No mail comes? Ask an owner of the server for a link.",
        "Keine Mail kommt? Bitten Sie einen Besitzer des Servers um einen Link.",
    ),
    ("reset.set", "Set the password", "Passwort setzen"),
    (
        "without.title",
        "There is no dashboard in this build",
        "In diesem Build ist keine Weboberfläche enthalten",
    ),
    (
        "without.works",
        "The server works: agents, plans and the command line do all they do elsewhere.",
        "Der Server arbeitet: Agenten, Pläne und die Befehlszeile tun alles, was sie sonst tun.",
    ),
    (
        "without.how",
        "To have the dashboard, install Node.js 20.19 or newer and build Backstay again, without <code>BACKSTAY_UI=off</code>.",
        "Für die Weboberfläche installieren Sie Node.js 20.19 oder neuer und bauen Backstay noch einmal, ohne <code>BACKSTAY_UI=off</code>.",
    ),
    ("without.api", "API document", "API-Dokument"),
    ("script.unreachable", "The server cannot be reached.", "Der Server ist nicht erreichbar."),
    (
        "script.senseless",
        "The server gave an answer that makes no sense.",
        "Der Server gab eine Antwort, die keinen Sinn ergibt.",
    ),
    (
        "script.sign_in_failed",
        "Address, password or code is wrong. A one-time code works once; an owner of the server can make a link for a new password.",
        "Adresse, Passwort oder Code stimmt nicht. Ein Einmalcode gilt einmal; ein Besitzer des Servers kann einen Link für ein neues Passwort machen.",
    ),
    (
        "script.code_needed",
        "This account asks for a one-time code too.",
        "Dieses Konto verlangt auch einen Einmalcode.",
    ),
    (
        "script.unknown_passkey",
        "This passkey does not open an account here.",
        "Dieser Passkey öffnet hier kein Konto.",
    ),
    ("script.wrong", "Something went wrong.", "Etwas ist schiefgegangen."),
    (
        "script.link_needed",
        "Open the link that the server printed when it was started. Started again, it prints a new one.",
        "Öffnen Sie den Link, den der Server beim Start ausgegeben hat. Ein neuer Start gibt einen neuen aus.",
    ),
    (
        "script.no_answer",
        "The device made no answer, or was not asked to.",
        "Das Gerät hat nicht geantwortet oder wurde nicht gefragt.",
    ),
    (
        "script.mailed",
        "If there is an account with this address, a mail is on its way.",
        "Gibt es ein Konto mit dieser Adresse, ist eine Mail unterwegs.",
    ),
    (
        "script.set",
        "The new password is set. You can sign in with it.",
        "Das neue Passwort ist gesetzt. Sie können sich damit anmelden.",
    ),
    (
        "problem.oidc_off",
        "No provider is set here. Sign in with your password.",
        "Hier ist kein Anbieter eingerichtet. Melden Sie sich mit Ihrem Passwort an.",
    ),
    (
        "problem.oidc_expired",
        "That took too long, or it was begun in another window. Please try again.",
        "Das hat zu lange gedauert oder wurde in einem anderen Fenster begonnen. Bitte versuchen Sie es noch einmal.",
    ),
    (
        "problem.oidc_refused",
        "The provider did not let you through.",
        "Der Anbieter hat Sie nicht durchgelassen.",
    ),
    (
        "problem.oidc_failed",
        "The provider gave no answer that can be trusted. The server's log says more.",
        "Der Anbieter gab keine Antwort, der man trauen kann. Das Protokoll des Servers sagt mehr.",
    ),
    (
        "problem.oidc_unverified",
        "The provider does not vouch for your e-mail address. Have it confirmed there first.",
        "Der Anbieter steht nicht für Ihre E-Mail-Adresse ein. Lassen Sie sie dort zuerst bestätigen.",
    ),
    (
        "problem.oidc_domain",
        "Addresses of your domain may not sign in here.",
        "Adressen Ihrer Domain dürfen sich hier nicht anmelden.",
    ),
    (
        "problem.oidc_unknown",
        "There is no account for you here yet. Ask an owner of this server for one.",
        "Für Sie gibt es hier noch kein Konto. Bitten Sie einen Besitzer dieses Servers um eines.",
    ),
    (
        "problem.oidc_linked",
        "Your account here belongs to another account at the provider. Ask an owner of this server.",
        "Ihr Konto hier gehört zu einem anderen Konto beim Anbieter. Fragen Sie einen Besitzer dieses Servers.",
    ),
    (
        "problem.oidc_disabled",
        "Your account is barred. Ask an owner of this server.",
        "Ihr Konto ist gesperrt. Fragen Sie einen Besitzer dieses Servers.",
    ),
    (
        "problem.internal",
        "Something went wrong inside the server. Its log says more.",
        "Im Server ist etwas schiefgegangen. Sein Protokoll sagt mehr.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn of(headers: &[(&str, &str)]) -> Language {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name: axum::http::HeaderName = name.parse().unwrap();
            map.append(name, value.parse().unwrap());
        }
        Language::of(&map)
    }

    #[test]
    fn the_language_is_the_chosen_one_or_the_one_liked_best() {
        assert_eq!(of(&[]), Language::English);
        assert_eq!(of(&[("accept-language", "fr, de-CH;q=0.8, en;q=0.7")]), Language::German);
        assert_eq!(of(&[("accept-language", "de;q=0.3, en-GB;q=0.9")]), Language::English);
        assert_eq!(of(&[("accept-language", "de;q=0, deutsch, ü, *")]), Language::English);
        let chosen = ("cookie", "a=b; backstay-language=de");
        assert_eq!(of(&[chosen, ("accept-language", "en")]), Language::German);
        assert_eq!(
            of(&[("cookie", "backstay-language=xx"), ("accept-language", "de;q=nonsense, de")]),
            Language::German
        );
    }

    #[test]
    fn each_text_has_a_name_of_its_own() {
        let mut names: Vec<_> = TEXTS.iter().map(|(name, ..)| name).collect();
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
        assert!(Language::German.of_script().contains("nicht erreichbar"));
    }
}
