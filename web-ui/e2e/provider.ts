import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import Provider from 'oidc-provider';

export const CLIENT = { id: 'usher', secret: 'a secret of this test alone' };

/** A real OpenID provider, in which anybody is who they say, and in the groups that the test puts them in. */
export class OpenIdProvider {
  private constructor(
    private readonly server: Server,
    readonly issuer: string,
    /** Whose groups are which. */
    readonly groups: Record<string, string[]>,
  ) {}

  /** Listens, and answers nothing yet: an address that it sends people back to has to be there first. */
  static async listen(groups: Record<string, string[]>): Promise<OpenIdProvider> {
    const server = createServer((_, response) => response.writeHead(503).end());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    // Another site than the server under test, as it would be.
    return new OpenIdProvider(server, `http://localhost:${(server.address() as AddressInfo).port}`, groups);
  }

  /** Knows the server at this address from now on. */
  serve(url: string) {
    const provider = new Provider(this.issuer, {
      clients: [
        {
          client_id: CLIENT.id,
          client_secret: CLIENT.secret,
          redirect_uris: [`${url}/api/v1/session/oidc/callback`],
        },
      ],
      claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'groups'] },
      cookies: { keys: ['of this test'] },
      findAccount: (_, id) => ({
        accountId: id,
        claims: () => ({
          sub: id,
          name: id,
          email: `${id.toLowerCase()}@example.org`,
          email_verified: true,
          groups: this.groups[id] ?? [],
        }),
      }),
    });
    this.server.removeAllListeners('request');
    this.server.on('request', provider.callback());
  }

  async stop() {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
