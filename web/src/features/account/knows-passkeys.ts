/** Whether this browser knows passkeys, and this page may use them: only those of secure contexts may. */
export const knowsPasskeys = () =>
  'PublicKeyCredential' in globalThis && 'parseCreationOptionsFromJSON' in PublicKeyCredential
