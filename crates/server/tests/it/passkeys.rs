//! Passkeys, made and used by an authenticator in memory that does what Web Authentication says
//! (<https://www.w3.org/TR/webauthn-3/#sctn-authenticator-data>): the real ones need hands.

use backstay_model::Person;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};

use crate::visitor::{cookie_of, sign_in};
use crate::world::{Client, PASSWORD, Reply, World};

const ADA: &str = "ada@example.org";
const PRESENT: u8 = 0x01;
const VERIFIED: u8 = 0x04;
const HAS_KEY: u8 = 0x40;

/// A device with one passkey.
struct Device {
    key: EcdsaKeyPair,
    id: Vec<u8>,
    person: Vec<u8>,
    /// What the browser says where it is.
    origin: String,
    /// The name that the passkey is for.
    host: String,
    counter: u32,
    flags: u8,
}

impl Device {
    fn new(world: &World) -> Self {
        let random = SystemRandom::new();
        let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, key.as_ref(), &random).unwrap();
        let id = key.public_key().as_ref()[1..33].to_vec();
        let (host, flags) = ("localhost".to_owned(), PRESENT | VERIFIED);
        Self { key, id, person: Vec::new(), origin: origin(world), host, counter: 0, flags }
    }

    /// Makes the passkey, as `navigator.credentials.create` does.
    fn create(&mut self, options: &Value) -> Value {
        let selection = &options["authenticatorSelection"];
        assert_eq!(selection["residentKey"], "required", "{options}");
        assert_eq!(selection["userVerification"], "required", "{options}");
        assert_eq!(options["rp"]["id"], self.host.as_str(), "{options}");
        self.person = URL_SAFE_NO_PAD.decode(options["user"]["id"].as_str().unwrap()).unwrap();
        let point = self.key.public_key().as_ref();
        let mut data = self.data(self.flags | HAS_KEY);
        data.extend([0; 16]);
        data.extend(u16::try_from(self.id.len()).unwrap().to_be_bytes());
        data.extend(&self.id);
        // The key in COSE: EC2, ES256, P-256, x, y.
        data.extend([0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20]);
        data.extend(&point[1..33]);
        data.extend([0x22, 0x58, 0x20]);
        data.extend(&point[33..]);
        let mut object = vec![0xa3];
        object.extend(b"\x63fmt\x64none\x67attStmt\xa0\x68authData\x58");
        object.push(u8::try_from(data.len()).unwrap());
        object.extend(&data);
        self.answer(json!({
            "attestationObject": URL_SAFE_NO_PAD.encode(&object),
            "clientDataJSON": URL_SAFE_NO_PAD.encode(self.client_data("webauthn.create", options)),
            "transports": ["internal"],
        }))
    }

    /// Answers a challenge, as `navigator.credentials.get` does.
    fn get(&mut self, options: &Value) -> Value {
        assert_eq!(options["rpId"], self.host.as_str(), "{options}");
        assert_eq!(options["userVerification"], "required", "{options}");
        assert!(options.get("allowCredentials").is_none_or(|ids| ids == &json!([])), "{options}");
        self.counter += 1;
        let (data, client_data) = (self.data(self.flags), self.client_data("webauthn.get", options));
        let mut signed = data.clone();
        signed.extend(ring::digest::digest(&ring::digest::SHA256, client_data.as_bytes()).as_ref());
        let signature = self.key.sign(&SystemRandom::new(), &signed).unwrap();
        self.answer(json!({
            "authenticatorData": URL_SAFE_NO_PAD.encode(data),
            "clientDataJSON": URL_SAFE_NO_PAD.encode(client_data),
            "signature": URL_SAFE_NO_PAD.encode(signature),
            "userHandle": URL_SAFE_NO_PAD.encode(&self.person),
        }))
    }

    fn data(&self, flags: u8) -> Vec<u8> {
        let mut data = ring::digest::digest(&ring::digest::SHA256, self.host.as_bytes()).as_ref().to_vec();
        data.push(flags);
        data.extend(self.counter.to_be_bytes());
        data
    }

    fn client_data(&self, kind: &str, options: &Value) -> String {
        json!({"type": kind, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": false})
            .to_string()
    }

    fn answer(&self, response: Value) -> Value {
        let id = URL_SAFE_NO_PAD.encode(&self.id);
        json!({"id": id, "rawId": id, "type": "public-key", "response": response,
            "clientExtensionResults": {}, "authenticatorAttachment": "platform"})
    }
}

/// The server by its name.
fn origin(world: &World) -> String {
    world.server.url().replace("127.0.0.1", "localhost")
}

fn at_localhost(world: &World, client: Client) -> Client {
    let origin = origin(world);
    client.header("host", origin.trim_start_matches("http://")).header("origin", &origin)
}

async fn begin(client: &Client) -> Reply {
    client.post("/api/v1/me/passkeys/begin", json!({"password": PASSWORD})).await
}

async fn finish(client: &Client, ceremony: &Value, credential: &Value) -> Reply {
    let form = json!({"ceremony": ceremony, "name": "Phone", "credential": credential});
    client.post("/api/v1/me/passkeys", form).await
}

/// Somebody with a passkey in a device.
async fn with_passkey(world: &World) -> (Person, Client, Device) {
    let person = world.person(ADA, &[]).await;
    let client = at_localhost(world, sign_in(world, ADA).await.client);
    let mut device = Device::new(world);
    let begun = begin(&client).await.expect(201);
    let credential = device.create(&begun["options"]);
    let made = finish(&client, &begun["ceremony"], &credential).await.expect(201);
    assert_eq!((&made["name"], &made["host"]), (&json!("Phone"), &json!("localhost")));
    (person, client, device)
}

async fn challenge(world: &World) -> Value {
    let nobody = at_localhost(world, world.nobody());
    nobody.post("/api/v1/sign-in/passkey/begin", json!({})).await.expect(201)
}

async fn answer(world: &World, ceremony: &Value, credential: &Value) -> Reply {
    let form = json!({"ceremony": ceremony, "credential": credential});
    at_localhost(world, world.nobody()).post("/api/v1/sign-in/passkey", form).await
}

/// Signs in with a device.
async fn enter(world: &World, device: &mut Device) -> Reply {
    let begun = challenge(world).await;
    answer(world, &begun["ceremony"], &device.get(&begun["options"])).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passkey_signs_in_without_a_password_or_code() {
    let world = World::new().await;
    let (person, client, mut device) = with_passkey(&world).await;
    // It stands for a one-time code too.
    world.store.set_totp(person.id, Some("sealed"), &[]).await.unwrap();
    let reply = enter(&world, &mut device).await;
    assert_eq!(reply.status, 200, "{reply:#?}");
    let me = world.nobody().header("cookie", &cookie_of(&reply)).get("/api/v1/me").await.expect(200);
    assert_eq!(me["person"]["id"], person.id.to_string());
    assert_eq!(enter(&world, &mut device).await.status, 200);
    let listed = client.get("/api/v1/me/passkeys").await.expect(200)["items"].clone();
    assert!(listed[0]["last_used"].is_string(), "{listed}");
    let audit = world.owner().await.get("/api/v1/audit?limit=100").await.expect(200).to_string();
    assert!(audit.contains("passkey.create") && audit.contains(r#""passkey":"Phone""#), "{audit}");

    // Somebody who is barred, and a passkey that was removed, open nothing.
    let mut barred = world.store.person(person.id).await.unwrap().unwrap();
    barred.disabled = true;
    world.store.update_person(&barred).await.unwrap();
    assert_eq!(enter(&world, &mut device).await.problem(401), "sign_in_failed");
    barred.disabled = false;
    world.store.update_person(&barred).await.unwrap();
    client.delete(&format!("/api/v1/me/passkeys/{}", listed[0]["id"].as_str().unwrap())).await.expect(204);
    assert_eq!(enter(&world, &mut device).await.problem(401), "sign_in_failed");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_do_not_hold_open_nothing() {
    let world = World::new().await;
    let (_, _, mut device) = with_passkey(&world).await;
    let refused = async |reply: Reply| assert_eq!(reply.problem(401), "sign_in_failed");

    // Once, and for its own challenge alone.
    let (first, second) = (challenge(&world).await, challenge(&world).await);
    let signed = device.get(&first["options"]);
    refused(answer(&world, &second["ceremony"], &signed).await).await;
    assert_eq!(answer(&world, &first["ceremony"], &signed).await.status, 200);
    refused(answer(&world, &first["ceremony"], &signed).await).await;
    refused(answer(&world, &json!("made up"), &signed).await).await;

    // Signed by another key, or for somebody else.
    let mut stranger = Device::new(&world);
    stranger.id.clone_from(&device.id);
    stranger.person.clone_from(&device.person);
    stranger.counter = 100;
    refused(enter(&world, &mut stranger).await).await;
    let own = std::mem::replace(&mut device.person, vec![7; 16]);
    refused(enter(&world, &mut device).await).await;
    device.person = vec![1, 2, 3];
    refused(enter(&world, &mut device).await).await;
    device.person = own;

    // On a page of another site, or without having seen its owner.
    let here = std::mem::replace(&mut device.origin, "https://localhost.example.org".to_owned());
    refused(enter(&world, &mut device).await).await;
    device.origin = here;
    device.flags = PRESENT;
    refused(enter(&world, &mut device).await).await;
    device.flags = PRESENT | VERIFIED;
    assert_eq!(enter(&world, &mut device).await.status, 200);
    // A copy of the device counts from where it was copied.
    device.counter -= 1;
    refused(enter(&world, &mut device).await).await;

    for credential in [json!({}), json!(null), json!("x"), json!({"id": "x", "rawId": "!", "type": 7})] {
        let begun = challenge(&world).await;
        assert_eq!(answer(&world, &begun["ceremony"], &credential).await.problem(422), "invalid");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passkey_is_made_by_its_person_alone() {
    let world = World::new().await;
    let (_, client, mut device) = with_passkey(&world).await;
    let wrong = client.post("/api/v1/me/passkeys/begin", json!({"password": "wrong"})).await;
    assert_eq!(wrong.problem(422), "invalid", "a session alone makes none");

    // The device is told of what it has; what it makes all the same is not taken twice, nor for somebody else.
    let begun = begin(&client).await.expect(201);
    let known = &begun["options"]["excludeCredentials"][0]["id"];
    assert_eq!(*known, URL_SAFE_NO_PAD.encode(&device.id), "{begun}");
    let credential = device.create(&begun["options"]);
    assert_eq!(finish(&client, &begun["ceremony"], &credential).await.problem(422), "invalid");
    world.person("eve@example.org", &[]).await;
    let eve = at_localhost(&world, sign_in(&world, "eve@example.org").await.client);
    let begun = begin(&eve).await.expect(201);
    let credential = device.create(&begun["options"]);
    assert_eq!(finish(&eve, &begun["ceremony"], &credential).await.problem(409), "conflict");

    // Neither for what somebody else began, nor a second time.
    let mut other = Device::new(&world);
    let begun = begin(&client).await.expect(201);
    let credential = other.create(&begun["options"]);
    assert_eq!(finish(&eve, &begun["ceremony"], &credential).await.problem(409), "conflict");
    assert_eq!(finish(&client, &begun["ceremony"], &credential).await.problem(409), "conflict");
    for broken in
        [json!({}), json!([]), json!({"id": "x", "rawId": "x", "type": "public-key", "response": {}})]
    {
        let begun = begin(&client).await.expect(201);
        assert_eq!(finish(&client, &begun["ceremony"], &broken).await.problem(422), "invalid");
    }
    // One that was not asked for by its owner's finger.
    other.flags = PRESENT;
    let begun = begin(&client).await.expect(201);
    let credential = other.create(&begun["options"]);
    assert_eq!(finish(&client, &begun["ceremony"], &credential).await.problem(422), "invalid");
    assert_eq!(client.get("/api/v1/me/passkeys").await.expect(200)["items"].as_array().unwrap().len(), 1);
    let theirs = client.get("/api/v1/me/passkeys").await.expect(200)["items"][0]["id"].clone();
    let path = format!("/api/v1/me/passkeys/{}", theirs.as_str().unwrap());
    assert_eq!(eve.delete(&path).await.problem(404), "not_found");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_no_name_for_a_passkey() {
    let world = World::new().await;
    world.person(ADA, &[]).await;
    let ada = sign_in(&world, ADA).await.client;
    assert_eq!(begin(&ada).await.problem(409), "passkeys_unavailable");
    let begun = world.nobody().post("/api/v1/sign-in/passkey/begin", json!({})).await;
    assert_eq!(begun.problem(409), "passkeys_unavailable");
    world.stop().await;
}
