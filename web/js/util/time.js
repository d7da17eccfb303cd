/** Times as people read them, in the reader's own language and zone. */

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const weekday = new Intl.DateTimeFormat(undefined, { weekday: 'short' });
const dayMonth = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });
const longDay = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' });
const withYear = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'long', year: 'numeric' });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'medium' });
const DAY_MS = 86_400_000;

const midnight = (date) => new Date(date.getFullYear(), date.getMonth(), date.getDate());
const daysAgo = (date) => Math.round((midnight(new Date()) - midnight(date)) / DAY_MS);
const valid = (text) => {
  const date = new Date(text ?? NaN);
  return Number.isNaN(date.getTime()) ? null : date;
};

export const timeOfDay = (text) => (valid(text) ? clock.format(valid(text)) : '');
export const fullTime = (text) => (valid(text) ? full.format(valid(text)) : '');

/** For the conversation list: a time today, a weekday this week, a date before that. */
export function shortTime(text) {
  const date = valid(text);
  if (!date) return '';
  const days = daysAgo(date);
  if (days <= 0) return clock.format(date);
  return days < 7 ? weekday.format(date) : dayMonth.format(date);
}

/** For the line between two days of a conversation. */
export function dayLabel(text) {
  const date = valid(text);
  if (!date) return '';
  const days = daysAgo(date);
  if (days === 0) return 'Today';
  if (days === 1) return 'Yesterday';
  return date.getFullYear() === new Date().getFullYear() ? longDay.format(date) : withYear.format(date);
}

export const sameDay = (one, other) => {
  const [first, second] = [valid(one), valid(other)];
  return Boolean(first && second) && midnight(first).getTime() === midnight(second).getTime();
};

export function lastSeen(text) {
  const date = valid(text);
  if (!date) return 'offline';
  const minutes = Math.floor((Date.now() - date) / 60_000);
  if (minutes < 1) return 'last seen just now';
  if (minutes < 60) return `last seen ${minutes} min ago`;
  return daysAgo(date) === 0
    ? `last seen at ${clock.format(date)}`
    : `last seen ${shortTime(text)}, ${clock.format(date)}`;
}
