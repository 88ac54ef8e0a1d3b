import { Badge, Stack } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { EdgeStatus, NodeStatus, Workspace } from '../api/client';
import { queries } from '../api/queries';
import { useEnvironment } from '../shell/environment';
import { fits } from '../shell/fits';
import { count } from '../shell/numbers';
import { SearchField } from '../shell/SearchField';
import { Empty, Failed, Head, Loading, Table } from '../shell/states';
import { SteeringPanel } from './SteeringPanel';
import { behind, kept, standing } from './words';

/** Who serves: servers, edges, and the programs that they serve; and where clients are sent. */
export function FleetPage() {
  const environment = useEnvironment();
  const fleet = useQuery(queries.fleet());
  const workspace = useQuery(queries.workspace());
  const nodes = fleet.data?.nodes ?? [];
  const [search, setSearch] = useState('');
  const newest = Math.max(0, ...nodes.map((node) => node.seq));
  return (
    <>
      <Head title="Fleet" about="Servers, edges and the apps that they serve, as they are now">
        <SearchField
          label="Search the fleet"
          placeholder="Server, edge, app, version"
          value={search}
          change={setSearch}
        />
      </Head>
      <Stack>
        {fleet.isPending && <Loading what="the fleet" />}
        {fleet.error && <Failed error={fleet.error} retry={() => fleet.refetch()} />}
        {fleet.data && (
          <>
            <Servers nodes={nodes} newest={newest} journal={workspace.data?.journal} search={search} />
            <Edges nodes={nodes} search={search} />
          </>
        )}
        <Apps environment={environment} search={search} />
        <SteeringPanel environment={environment} />
      </Stack>
    </>
  );
}

type ServersProps = {
  nodes: NodeStatus[];
  newest: number;
  journal: Workspace['journal'] | undefined;
  search: string;
};

/** Nothing of a kind is found. */
function NoneFits({ search }: { search: string }) {
  return <p className="soft">None fits “{search}”.</p>;
}

function Servers({ nodes, newest, journal, search }: ServersProps) {
  const fitting = nodes
    .map((node, n) => ({ node, isHere: n === 0 }))
    .filter(({ node }) =>
      fits(search, [node.name ?? 'This server', standing(node.status).word, node.version, node.reason]),
    );
  return (
    <section className="panel" aria-labelledby="servers">
      <h2 id="servers">Servers</h2>
      <Table label="Servers">
        <thead>
          <tr>
            <th scope="col">Server</th>
            <th scope="col">How it stands</th>
            <th scope="col">Last change</th>
            <th scope="col">Streams</th>
            <th scope="col">Version</th>
          </tr>
        </thead>
        <tbody>
          {fitting.map(({ node, isHere }) => (
            <tr key={node.name ?? 'alone'}>
              <td>
                <b>{node.name ?? 'This server'}</b>
                {isHere && node.name && <div className="soft">The one you are at</div>}
              </td>
              <td>
                <Badge color={standing(node.status).color} variant="light">
                  {standing(node.status).word}
                </Badge>
                {node.reason && <div className="soft">{node.reason}</div>}
              </td>
              <td>{behind(node.seq, newest)}</td>
              <td>{count(node.streams)}</td>
              <td>{node.version}</td>
            </tr>
          ))}
        </tbody>
      </Table>
      {fitting.length === 0 && <NoneFits search={search} />}
      {journal && <p className="soft">{kept(journal.durability)}</p>}
      {journal?.reason && <p role="alert">{journal.reason}</p>}
    </section>
  );
}

function Edges({ nodes, search }: { nodes: NodeStatus[]; search: string }) {
  const edges = nodes.flatMap((node) => node.edges.map((edge): [NodeStatus, EdgeStatus] => [node, edge]));
  const fitting = edges.filter(([node, edge]) =>
    fits(search, [edge.name, edge.environment, edge.sdk, node.name ?? 'This server']),
  );
  return (
    <section className="panel" aria-labelledby="edges">
      <h2 id="edges">Edges</h2>
      {edges.length === 0 ? (
        <p className="soft">
          No edge is connected. <code>usher edge --upstream URL</code> starts one near a venue.
        </p>
      ) : fitting.length === 0 ? (
        <NoneFits search={search} />
      ) : (
        <Table label="Edges">
          <thead>
            <tr>
              <th scope="col">Edge</th>
              <th scope="col">Environment</th>
              <th scope="col">Devices</th>
              <th scope="col">Last change</th>
              <th scope="col">At</th>
              <th scope="col">Version</th>
            </tr>
          </thead>
          <tbody>
            {fitting.map(([node, edge]) => (
              <tr key={`${node.name} ${edge.instance} ${edge.environment}`}>
                <td>
                  <b>{edge.name}</b>
                </td>
                <td>{edge.environment}</td>
                <td>{count(edge.devices)}</td>
                <td>{behind(edge.seq, edge.head)}</td>
                <td>{node.name ?? 'This server'}</td>
                <td>{edge.sdk}</td>
              </tr>
            ))}
          </tbody>
        </Table>
      )}
    </section>
  );
}

/** Programs that are connected, by SDK, version and payload schema. */
function Apps({ environment, search }: { environment: string; search: string }) {
  const connections = useQuery(queries.connectionsIn(environment));
  const apps = [...(connections.data?.bySdk ?? [])].sort((a, b) => b.count - a.count);
  if (connections.error) return <Failed error={connections.error} retry={() => connections.refetch()} />;
  if (!connections.data) return <Loading what="connected apps" />;
  if (apps.length === 0) return <Empty>No app is connected in {environment}.</Empty>;
  const fitting = apps.filter((app) => fits(search, [app.sdk, app.version]));
  return (
    <section className="panel" aria-labelledby="apps">
      <h2 id="apps">Apps in {environment}</h2>
      <Table label="Apps">
        <thead>
          <tr>
            <th scope="col">SDK</th>
            <th scope="col">App’s version</th>
            <th scope="col">Payload schema</th>
            <th scope="col">Devices</th>
          </tr>
        </thead>
        <tbody>
          {fitting.map((app) => (
            <tr key={`${app.sdk} ${app.version} ${app.schema}`}>
              <td>{app.sdk || 'Many, counted by an edge'}</td>
              <td>{app.version ?? '—'}</td>
              <td>{app.schema}</td>
              <td>{count(app.count)}</td>
            </tr>
          ))}
        </tbody>
      </Table>
      {fitting.length === 0 && <NoneFits search={search} />}
    </section>
  );
}
