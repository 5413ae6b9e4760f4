-- What an operator looks for in the inbox: messages that did not simply have their effect, and those
-- of one order. A message that comes in is in neither index, so taking it stays as cheap as it was.

CREATE INDEX inbox_not_done ON integration.inbox (state, inbox_id) WHERE state NOT IN ('RECEIVED', 'DONE');
CREATE INDEX inbox_of_order ON integration.inbox (order_id, inbox_id) WHERE order_id IS NOT NULL;
