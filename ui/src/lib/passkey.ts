// Passkeys as browsers make them.

import { answer, api } from "../api/client";

/** Why a device made no passkey: it has one already, or it was not asked to, or nobody answered. */
export class DeviceRefusal extends Error {
  constructor(readonly known: boolean) {
    super();
    this.name = "DeviceRefusal";
  }
}

/** Browsers that cannot read the options as JSON, and pages that came by an address or without TLS, know no passkeys. */
export const knowsPasskeys = (): boolean =>
  typeof PublicKeyCredential === "function" &&
  typeof PublicKeyCredential.parseCreationOptionsFromJSON === "function" &&
  (location.protocol === "https:" || location.hostname === "localhost") &&
  !/^[\d.]+$|^\[/.test(location.hostname);

async function asked(publicKey: PublicKeyCredentialCreationOptions): Promise<PublicKeyCredential> {
  let credential: Credential | null;
  try {
    credential = await navigator.credentials.create({ publicKey });
  } catch (error) {
    if (error instanceof DOMException) {
      throw new DeviceRefusal(error.name === "InvalidStateError");
    }
    throw error;
  }
  if (credential instanceof PublicKeyCredential) {
    return credential;
  }
  throw new DeviceRefusal(false);
}

/** Has the person's device make a passkey, and gives the server what it needs of it. */
export async function makePasskey(name: string, password: string): Promise<void> {
  const { ceremony, options } = await answer(api.POST("/api/v1/me/passkeys/begin", { body: { password: password || null } }));
  const wanted = options as unknown as PublicKeyCredentialCreationOptionsJSON;
  const credential = await asked(PublicKeyCredential.parseCreationOptionsFromJSON(wanted));
  await answer(api.POST("/api/v1/me/passkeys", { body: { ceremony, name, credential: credential.toJSON() } }));
}
