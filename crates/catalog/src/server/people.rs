//! People, and what they prove themselves with. Neither passwords nor codes are here: only hashes, and sealed secrets.

use std::fmt;

use backstay_model::{Person, PersonId, Time};
use sqlx::any::AnyRow;

use super::ServerStore;
use crate::row::{Columns, json, micros, plain, sql};
use crate::{CatalogError, Result};

/// What a person proves to be the one with.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    /// The password's hash, as text that names its method; without one nobody signs in by password.
    pub password_hash: Option<String>,
    /// The secret of one-time codes, sealed.
    pub totp_sealed: Option<String>,
    /// Hashes of codes that each replace a one-time code once.
    pub recovery_codes: Vec<String>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("password_hash", &self.password_hash.is_some())
            .field("totp_sealed", &self.totp_sealed.is_some())
            .field("recovery_codes", &self.recovery_codes.len())
            .finish()
    }
}

const COLUMNS: &str = "doc, last_sign_in, totp_sealed";

impl ServerStore {
    /// Stores a new person.
    ///
    /// # Errors
    /// A conflict when the address is taken; when the store fails.
    pub async fn create_person(&self, person: &Person, credentials: &Credentials) -> Result<()> {
        let mut transaction = self.database.change().await?;
        let text = "INSERT INTO people (id, email, created, last_sign_in, password_hash, totp_sealed, doc) \
                    VALUES ($1, $2, $3, $4, $5, $6, $7)";
        let (id, created, sign_in) =
            (person.id.to_string(), micros(person.created), person.last_sign_in.map(micros));
        let (password, totp) = (credentials.password_hash.clone(), credentials.totp_sealed.clone());
        sql!(text, id, folded(&person.email), created, sign_in, password, totp, json(person)?)
            .execute(&mut *transaction)
            .await
            .map_err(|error| CatalogError::from(error).naming("person", &person.email))?;
        put_codes(&mut transaction, person.id, &credentials.recovery_codes).await?;
        self.commit(transaction, Vec::new()).await
    }

    /// A person.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn person(&self, id: PersonId) -> Result<Option<Person>> {
        self.one_person("id", id.to_string()).await
    }

    /// The person who signs in with an address, in capitals or not.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn person_by_email(&self, email: &str) -> Result<Option<Person>> {
        self.one_person("email", folded(email)).await
    }

    async fn one_person(&self, column: &str, value: String) -> Result<Option<Person>> {
        let text = format!("SELECT {COLUMNS} FROM people WHERE {column} = $1");
        let row = sql!(sqlx::AssertSqlSafe(text), value).fetch_optional(self.database.read()).await?;
        row.as_ref().map(person).transpose()
    }

    /// All people, by address.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn people(&self) -> Result<Vec<Person>> {
        let text = format!("SELECT {COLUMNS} FROM people ORDER BY email");
        let rows = sql!(sqlx::AssertSqlSafe(text)).fetch_all(self.database.read()).await?;
        rows.iter().map(person).collect()
    }

    /// Stores a person in place of the one with the id. What they prove themselves with, and when they last signed in, stays.
    ///
    /// # Errors
    /// A conflict when the address is taken; when there is none, or the store fails.
    pub async fn update_person(&self, person: &Person) -> Result<()> {
        let text = "UPDATE people SET email = $2, doc = $3 WHERE id = $1";
        let result = sql!(text, person.id.to_string(), folded(&person.email), json(person)?)
            .execute(self.database.write())
            .await
            .map_err(|error| CatalogError::from(error).naming("person", &person.email))?;
        found(result.rows_affected(), person.id)
    }

    /// Removes a person with their sessions and tokens.
    ///
    /// # Errors
    /// When there is none, or the store fails.
    pub async fn delete_person(&self, id: PersonId) -> Result<()> {
        let query = sql!("DELETE FROM people WHERE id = $1", id.to_string());
        found(query.execute(self.database.write()).await?.rows_affected(), id)
    }

    /// Notes that a person has signed in.
    ///
    /// # Errors
    /// When there is none, or the store fails.
    pub async fn signed_in(&self, id: PersonId, now: Time) -> Result<()> {
        let query = sql!("UPDATE people SET last_sign_in = $2 WHERE id = $1", id.to_string(), micros(now));
        found(query.execute(self.database.write()).await?.rows_affected(), id)
    }

    /// What a person proves to be the one with.
    ///
    /// # Errors
    /// When there is none, or the store fails.
    pub async fn credentials(&self, id: PersonId) -> Result<Credentials> {
        let mut look = self.database.look().await?;
        let row = sql!("SELECT password_hash, totp_sealed FROM people WHERE id = $1", id.to_string());
        let row =
            row.fetch_optional(&mut *look).await?.ok_or_else(|| CatalogError::not_found("person", id))?;
        let codes = sql!("SELECT hash FROM recovery_codes WHERE person = $1 ORDER BY hash", id.to_string());
        let codes = codes.fetch_all(&mut *look).await?;
        Ok(Credentials {
            password_hash: row.text_or_none("password_hash")?,
            totp_sealed: row.text_or_none("totp_sealed")?,
            recovery_codes: codes.iter().map(|row| row.text("hash")).collect::<Result<_>>()?,
        })
    }

    /// Replaces a password's hash.
    ///
    /// # Errors
    /// When there is no such person, or the store fails.
    pub async fn set_password(&self, id: PersonId, hash: Option<&str>) -> Result<()> {
        let text = "UPDATE people SET password_hash = $2 WHERE id = $1";
        let query = sql!(text, id.to_string(), hash.map(str::to_owned));
        found(query.execute(self.database.write()).await?.rows_affected(), id)
    }

    /// Replaces the sealed secret of one-time codes and the hashes of the recovery codes, or takes both away.
    ///
    /// # Errors
    /// When there is no such person, or the store fails.
    pub async fn set_totp(
        &self,
        id: PersonId,
        sealed: Option<&str>,
        recovery_codes: &[String],
    ) -> Result<()> {
        let mut transaction = self.database.change().await?;
        let text = "UPDATE people SET totp_sealed = $2, totp_step = 0 WHERE id = $1";
        let query = sql!(text, id.to_string(), sealed.map(str::to_owned));
        found(query.execute(&mut *transaction).await?.rows_affected(), id)?;
        sql!("DELETE FROM recovery_codes WHERE person = $1", id.to_string())
            .execute(&mut *transaction)
            .await?;
        put_codes(&mut transaction, id, recovery_codes).await?;
        self.commit(transaction, Vec::new()).await
    }

    /// Uses the one-time code of a time step up; false when it, or a later one, was used before.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn use_totp_step(&self, id: PersonId, step: i64) -> Result<bool> {
        let query =
            sql!("UPDATE people SET totp_step = $2 WHERE id = $1 AND totp_step < $2", id.to_string(), step);
        Ok(query.execute(self.database.write()).await?.rows_affected() == 1)
    }

    /// Uses a recovery code up, by its hash; false when there is none such, or it was used before.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn use_recovery_code(&self, id: PersonId, hash: &str) -> Result<bool> {
        let query = sql!(
            "DELETE FROM recovery_codes WHERE person = $1 AND hash = $2",
            id.to_string(),
            hash.to_owned()
        );
        Ok(query.execute(self.database.write()).await?.rows_affected() == 1)
    }
}

/// The form of an address in which no two people may have the same.
fn folded(email: &str) -> String {
    plain(email.trim()).to_lowercase()
}

fn found(rows: u64, id: PersonId) -> Result<()> {
    if rows == 0 { Err(CatalogError::not_found("person", id)) } else { Ok(()) }
}

fn person(row: &AnyRow) -> Result<Person> {
    let mut person: Person = row.doc("doc")?;
    person.last_sign_in = row.time_or_none("last_sign_in")?;
    person.totp = row.text_or_none("totp_sealed")?.is_some();
    Ok(person)
}

async fn put_codes(transaction: &mut crate::database::Change, id: PersonId, hashes: &[String]) -> Result<()> {
    for hash in hashes {
        let text = "INSERT INTO recovery_codes (person, hash) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        sql!(text, id.to_string(), hash.clone()).execute(&mut **transaction).await?;
    }
    Ok(())
}
