/** A file behind the token, for an `<img>`. */

import { useEffect, useState } from 'preact/hooks';

import { objectUrl } from '../files.js';

/** An object address for a file, or null until it is there. */
export function useFile(url) {
  const [address, setAddress] = useState(null);
  useEffect(() => {
    let wanted = Boolean(url);
    if (url)
      objectUrl(url).then(
        (found) => wanted && setAddress(found),
        () => {},
      );
    return () => {
      wanted = false;
    };
  }, [url]);
  return address;
}
