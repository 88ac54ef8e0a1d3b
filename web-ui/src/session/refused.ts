const WORDS: Record<string, string> = {
  expired: 'This sign-in took too long, or was begun elsewhere. Begin again.',
  declined: 'You were not signed in there. Try again, or sign in as somebody else.',
  unreachable: 'The sign-in service can’t be reached just now. Try again in a while.',
  not_believed:
    'What the sign-in service answered can’t be trusted. Begin again; if that does not help, tell an administrator.',
  no_group:
    'You are signed in there, but in no group that may use Usher. Ask an administrator to add you to one.',
  no_email: 'The sign-in service does not confirm an e-mail address of yours. Ask an administrator.',
  email_taken:
    'There is an account with your e-mail address, which is not tied to this sign-in. Ask an administrator to tie it to you.',
  removed: 'Your account was removed. Ask an administrator to let you in again.',
};

/** Why a sign-in through the provider brought nobody in: of a word behind `#`, which is looked up and never shown. */
export function refusedWords(hash: string): string | undefined {
  const word = /^#sign-in=(\w+)$/.exec(hash)?.[1];
  if (!word) return undefined;
  return Object.hasOwn(WORDS, word) ? WORDS[word] : 'This sign-in failed. Begin again.';
}
