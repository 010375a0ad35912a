/** Whether the server wants a token first: set by any answer 401, cleared by signing in. */
class Session {
  locked = $state(false);
}

export const session = new Session();
