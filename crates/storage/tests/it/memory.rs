use backstay_storage::Memory;
use backstay_storage::testing::{Faulty, Plan, conformance};

#[test]
fn memory_conforms() {
    conformance(|| Box::new(Memory::new()));
}

#[test]
fn a_faulty_storage_that_has_no_faults_conforms() {
    conformance(|| Box::new(Faulty::new(Plan::healthy())));
}
