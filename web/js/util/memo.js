/** A component that is drawn again only where one of its properties is another value. */

import { Component, h } from 'preact';

function differs(one, other) {
  const names = Object.keys(one);
  return names.length !== Object.keys(other).length || names.some((name) => !Object.is(one[name], other[name]));
}

export function memo(draw) {
  return class Memo extends Component {
    shouldComponentUpdate(next) {
      return differs(this.props, next);
    }

    render() {
      return h(draw, this.props);
    }
  };
}
