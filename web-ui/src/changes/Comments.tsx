import { Button, Group, Text, Textarea } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import type { ChangeRequest } from '../api/client';
import { useMay } from '../shell/may';
import { Failed } from '../shell/states';
import { Time } from '../shell/Time';
import { useDecide } from './actions';
import classes from './changes.module.css';

/** What was said about it, and a place to say more. */
export function Comments({ request }: { request: ChangeRequest }) {
  const [text, setText] = useState('');
  const act = useDecide(request.key);
  const may = useMay('operator');
  const say = (event: FormEvent) => {
    event.preventDefault();
    if (text.trim()) act.mutate({ step: 'comment', text }, { onSuccess: () => setText('') });
  };
  const comments = request.comments ?? [];
  return (
    <section className="panel" aria-labelledby="comments-title">
      <h2 id="comments-title">What is said about it</h2>
      {comments.length === 0 && (
        <Text size="sm" className="soft" mb="sm">
          Nothing yet.
        </Text>
      )}
      <ol className={classes.comments} aria-live="polite">
        {comments.map((comment) => (
          <li key={`${comment.at} ${comment.by.id}`}>
            <p className="soft">
              {comment.by.name}, <Time at={comment.at} />
            </p>
            <p className={classes.said}>{comment.text}</p>
          </li>
        ))}
      </ol>
      {may ? (
        <form onSubmit={say}>
          <Textarea
            label="Say something"
            autosize
            value={text}
            onChange={(event) => setText(event.currentTarget.value)}
          />
          {act.error && <Failed error={act.error} />}
          <Group justify="flex-end" mt="xs">
            <Button type="submit" variant="default" disabled={!text.trim()} loading={act.isPending}>
              Say it
            </Button>
          </Group>
        </form>
      ) : (
        <Text size="sm" className="soft">
          Saying something needs an operator.
        </Text>
      )}
    </section>
  );
}
