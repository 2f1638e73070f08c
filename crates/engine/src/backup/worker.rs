//! A worker: takes files and chunks, and carries each through.

use backstay_core::{Content, Meta, SinkError};
use crossbeam_channel::{Receiver, TryRecvError, select};

use super::crew::{Crew, Hands, Taker};
use super::guests::Place;

/// What a worker is sent.
pub(super) enum Work {
    /// A file.
    Job(Box<Job>),
    /// Nothing more comes.
    End,
}

/// An entry whose content has to be read.
pub(super) struct Job {
    pub(super) file: File,
    pub(super) content: Content,
}

/// A file that is wanted.
pub(super) struct File {
    pub(super) name: Vec<u8>,
    pub(super) meta: Meta,
    pub(super) takers: Vec<Taker>,
    pub(super) guests: Vec<Place>,
}

/// Fails the backup if its thread ends by a panic: nobody would wait for the rest in vain.
struct Watch<'a>(&'a Crew);

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.fail(&SinkError::failed("a worker of the backup ended unexpectedly"));
        }
    }
}

/// Runs until no more jobs can come.
pub(super) fn work(crew: &Crew, jobs: &Receiver<Work>) {
    let _watch = Watch(crew);
    let mut hands = crew.lend();
    crew.take_jobs(jobs, &mut hands);
    crew.give_back(hands);
}

impl Crew {
    fn take_jobs(&self, jobs: &Receiver<Work>, hands: &mut Hands) {
        let mut scratch = Vec::new();
        loop {
            // Chunks first: they hold memory.
            let outcome = match self.chunks.receiver.try_recv() {
                Ok(task) => self.run(task, hands),
                Err(TryRecvError::Disconnected) => return,
                Err(TryRecvError::Empty) => select! {
                    recv(self.chunks.receiver) -> task => match task {
                        Ok(task) => self.run(task, hands),
                        Err(_) => return,
                    },
                    recv(jobs) -> job => match job {
                        Ok(Work::Job(_)) if self.has_failed() => Ok(()),
                        Ok(Work::Job(job)) => self.process(*job, hands, &mut scratch),
                        // The root is done or the backup failed: no chunk is worth waiting for.
                        Ok(Work::End) | Err(_) => return,
                    },
                },
            };
            if let Err(error) = outcome {
                self.fail(&error);
            }
        }
    }

    fn process(&self, job: Job, hands: &mut Hands, scratch: &mut Vec<u8>) -> Result<(), SinkError> {
        self.control.checkpoint()?;
        let Job { mut file, content } = job;
        file.takers.retain(|taker| self.takes_part(&taker.shared));
        if file.takers.is_empty() && file.guests.is_empty() {
            return Ok(());
        }
        self.events.file_started(&self.path_of(&file.takers, &file.name));
        match content {
            Content::Lazy(opener, hint) => self.read(file, opener, &hint, hands, scratch),
            Content::Patched { opener, ranges } => self.patch_each(&file, opener, &ranges, hands),
            Content::None | Content::SameAsParent => Ok(()),
        }
    }
}
