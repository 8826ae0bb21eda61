import type { entry as german } from './entry-de'

export const entry: typeof german = {
  fields: {
    email: 'Email address',
    passwordHint: 'At least 10 characters. A whole sentence is easier to remember and harder to guess.',
    username: 'Username',
    usernameHint: '3 to 32 characters: a–z, 0–9, _ and -',
    name: 'Display name',
    nameHint: 'How others see you. The username if left empty.',
  },
  again: {
    title: 'Your session has ended',
    text: 'Sign in as {{email}} again. The page stays as it is, with everything you have written.',
    leave: 'Go on without signing in',
  },
  login: {
    title: 'Sign in',
    button: 'Sign in',
    needed: 'Please sign in to see this page.',
    noAccount: 'No account yet?',
    forgot: 'Forgot your password?',
    codeTitle: 'Second factor',
    codeLead: 'The password for {{email}} is right. Now enter the code from your authenticator app.',
    code: 'Code',
    codeHint: 'Six digits from the app, or one of your recovery codes.',
    codeButton: 'Continue',
    back: 'Sign in with another account',
    recoveryHint: 'One of your recovery codes.',
    passkey: 'Sign in with a passkey',
    passkeyLead: 'The password for {{email}} is right. Now show your passkey, or enter a recovery code.',
    passkeyInstead: 'Use a passkey instead',
    lost: 'Lost the second factor and the codes? An administrator can remove it.',
  },
  register: {
    title: 'Create an account',
    button: 'Create account',
    haveAccount: 'Already have an account?',
    sentTitle: 'Please confirm your email address',
    sentText:
      'We have sent a mail to {{email}}. Open the link in it; it is valid for 24 hours. After that you can use everything.',
  },
  forgot: {
    title: 'Forgot password',
    lead: 'Tell us the address of your account. We send a link there by which you choose a new password.',
  },
  ask: {
    button: 'Send the link',
    sentReset:
      'If {{email}} has an account, a mail is on its way. The link in it is valid for an hour and works once.',
    sentVerification:
      'If a confirmation is due for {{email}}, a mail is on its way. The link in it is valid for 24 hours and works once.',
    again: 'Send again, or to another address',
    toLogin: 'To the sign-in',
  },
  link: {
    noToken: 'The address lacks the code from the mail. Open the complete link, or ask for a new one.',
    invalid: 'This link is no longer valid: it has expired or was used already.',
    another: 'Get a new one here:',
    alreadyConfirmed: 'If you have opened it before, your address is confirmed and you can sign in.',
    verifyTitle: 'Confirm email address',
    verifying: 'Confirming the address …',
    verifiedBefore: 'Your email address is confirmed already; this link is not needed any more.',
    verified: 'Your email address is confirmed.',
    changed: 'Your new email address is set. Sign in with it from now on.',
    otherAccount: 'It works only in the account that asked for it. You can begin a change anew here:',
    toAccount: 'To the account',
    onward: 'Continue',
  },
  reset: {
    title: 'Choose a new password',
    password: 'New password',
    button: 'Set the password',
    done: 'The new password is set. All devices are signed out, all access tokens revoked.',
  },
  proof: {
    password: 'Your password',
    wrong: 'is wrong',
    code: 'Code of the second factor',
    passkeyHint: 'Leave it empty to use a passkey. Otherwise:',
    codeMissing: 'is missing',
    codeWrong: 'is wrong, too old, or was used already',
  },
  noPasskey: {
    'given-up': 'The browser got no passkey: that was cancelled, or took too long.',
    known: 'This device has a passkey for your account already.',
    failed: 'The browser could use no passkey here.',
  },
}
