use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

#[test]
fn only_who_knows_the_secret_goes_through_and_only_to_where_the_guard_says() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = server.local_addr().unwrap();
        let mut said = vec![0; 26];
        (said[0], said[21]) = (26, 5);
        said[12..14].copy_from_slice(&2013_u16.to_le_bytes());
        let told = said.clone();
        drop(tokio::spawn(async move {
            let (mut client, _) = server.accept().await.unwrap();
            client.write_all(&said).await.unwrap();
        }));
        let asked = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&asked);
        let guard: Guard = Arc::new(move |host, port| {
            let _ = count.fetch_add(1, Ordering::SeqCst);
            let is_allowed = (host, port) == ("known", 27017);
            if is_allowed { Ok(vec![address]) } else { Err(io::ErrorKind::PermissionDenied.into()) }
        });
        let gate = Gate::listen(guard, None).await.unwrap();
        let secret = gate.secret.clone();
        let ask = async |password: &str, host: &str| -> (u8, Option<u8>, TcpStream) {
            let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, gate.port)).await.unwrap();
            client.write_all(&[VERSION, 1, 2]).await.unwrap();
            let mut method = [0; 2];
            let _ = client.read_exact(&mut method).await.unwrap();
            let mut login = vec![1, USER.len() as u8];
            login.extend(USER.bytes());
            login.push(password.len() as u8);
            login.extend(password.bytes());
            client.write_all(&login).await.unwrap();
            let mut status = [0; 2];
            let _ = client.read_exact(&mut status).await.unwrap();
            let mut request = vec![VERSION, 1, 0, 3, host.len() as u8];
            request.extend(host.bytes());
            request.extend(27017_u16.to_be_bytes());
            // It may have hung up already.
            let _ = client.write_all(&request).await;
            let mut answer = [0; 10];
            let answered = client.read_exact(&mut answer).await.is_ok().then_some(answer[1]);
            (status[1], answered, client)
        };
        let (status, answer, _) = ask("a guess", "known").await;
        assert_eq!((status, answer, asked.load(Ordering::SeqCst)), (1, None, 0));
        let (status, answer, _) = ask(&secret, "inner").await;
        assert_eq!((status, answer), (0, Some(NOT_ALLOWED)));
        let (status, answer, mut client) = ask(&secret, "known").await;
        assert_eq!((status, answer, asked.load(Ordering::SeqCst)), (0, Some(0), 2));
        let mut heard = Vec::new();
        let _ = client.read_to_end(&mut heard).await.unwrap();
        assert_eq!(heard, told);
    });
}
