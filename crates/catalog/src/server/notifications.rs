//! Notifications that wait to be sent, and to be tried again where that failed.

use backstay_model::Time;
use serde_json::Value;
use sqlx::any::AnyRow;

use super::{ServerStore, events};
use crate::Result;
use crate::database::Change as Transaction;
use crate::row::{Columns, json, micros, plain, sql};

/// A notification that is to be sent.
#[derive(Debug, Clone, PartialEq)]
pub struct NewNotification {
    /// When it was made, and is to be sent first.
    pub created: Time,
    /// What to send to whom. No secret.
    pub body: Value,
}

/// A notification that waits.
#[derive(Debug, Clone, PartialEq)]
pub struct Notification {
    /// Its number; the higher is the later.
    pub number: i64,
    /// When it was made.
    pub created: Time,
    /// When to try next.
    pub next_try: Time,
    /// How often it was tried.
    pub attempts: i64,
    /// Why the last try failed.
    pub last_error: Option<String>,
    /// What to send to whom.
    pub body: Value,
}

const COLUMNS: &str = "number, created, next_try, attempts, last_error, doc";

impl ServerStore {
    /// Stores a notification to be sent.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn add_notification(&self, notification: &NewNotification) -> Result<()> {
        let mut transaction = self.database.change().await?;
        put(&mut transaction, notification).await?;
        self.commit(transaction, Vec::new()).await
    }

    /// Notifications whose time to be tried has come, that which waits longest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn due_notifications(&self, now: Time, limit: u32) -> Result<Vec<Notification>> {
        let text = format!(
            "SELECT {COLUMNS} FROM notifications WHERE next_try <= $1 ORDER BY next_try, number LIMIT $2"
        );
        let query = sql!(sqlx::AssertSqlSafe(text), micros(now), i64::from(limit));
        query.fetch_all(self.database.read()).await?.iter().map(notification).collect()
    }

    /// Takes notifications whose time to be tried has come, to try them now; each has the attempt counted already. Nobody else
    /// gets them before `until`. Who comes back later than that must not send them any more, and what it says of them is refused.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn take_notifications(&self, now: Time, until: Time, limit: u32) -> Result<Vec<Notification>> {
        let mut transaction = self.database.change().await?;
        // The condition stands twice: of two who come at once the second sees what the first has done.
        let text = format!(
            "UPDATE notifications SET attempts = attempts + 1, next_try = $2 WHERE next_try <= $1 AND number IN \
             (SELECT number FROM notifications WHERE next_try <= $1 ORDER BY next_try, number LIMIT $3) RETURNING {COLUMNS}"
        );
        let query = sql!(sqlx::AssertSqlSafe(text), micros(now), micros(until), i64::from(limit));
        let rows = query.fetch_all(&mut *transaction).await?;
        let mut taken: Vec<Notification> = rows.iter().map(notification).collect::<Result<_>>()?;
        taken.sort_unstable_by_key(|notification| notification.number);
        self.commit(transaction, Vec::new()).await?;
        Ok(taken)
    }

    /// Removes a notification that was taken and sent, or given up; false when somebody else has taken it since.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn remove_notification(&self, taken: &Notification) -> Result<bool> {
        let text = "DELETE FROM notifications WHERE number = $1 AND attempts = $2";
        let query = sql!(text, taken.number, taken.attempts);
        Ok(query.execute(self.database.write()).await?.rows_affected() == 1)
    }

    /// Notes that sending a notification that was taken failed, and when to try next; false when somebody else has taken it
    /// since, or it is gone.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn notification_failed(
        &self,
        taken: &Notification,
        error: &str,
        next_try: Time,
    ) -> Result<bool> {
        let text =
            "UPDATE notifications SET last_error = $3, next_try = $4 WHERE number = $1 AND attempts = $2";
        let query = sql!(text, taken.number, taken.attempts, plain(error), micros(next_try));
        Ok(query.execute(self.database.write()).await?.rows_affected() == 1)
    }
}

/// Stores a notification.
pub(super) async fn put(transaction: &mut Transaction, notification: &NewNotification) -> Result<()> {
    let number = events::next(transaction, "notifications").await?;
    let text =
        "INSERT INTO notifications (number, created, next_try, attempts, doc) VALUES ($1, $2, $2, 0, $3)";
    sql!(text, number, micros(notification.created), json(&notification.body)?)
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

fn notification(row: &AnyRow) -> Result<Notification> {
    Ok(Notification {
        number: row.int("number")?,
        created: row.time("created")?,
        next_try: row.time("next_try")?,
        attempts: row.int("attempts")?,
        last_error: row.text_or_none("last_error")?,
        body: row.doc("doc")?,
    })
}
